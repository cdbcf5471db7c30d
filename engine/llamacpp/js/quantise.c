/* Calls llama.cpp's own quantiser: quantise LIBRARY FROM TO FTYPE. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* llama_model_quantize_params begins with these two; rest has room for what follows. */
struct params {
	int32_t threads, ftype;
	char rest[4096];
};

int main(int argc, char **argv) {
	if (argc != 5) return 2;
	void *library = dlopen(argv[1], RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
	struct params (*defaults)(void) = (struct params (*)(void))dlsym(library, "llama_model_quantize_default_params");
	uint32_t (*quantise)(const char *, const char *, const struct params *) =
		(uint32_t (*)(const char *, const char *, const struct params *))dlsym(library, "llama_model_quantize");
	if (!defaults || !quantise) {
		fprintf(stderr, "the library has no quantiser\n");
		return 1;
	}
	struct params p = defaults();
	p.threads = 1;
	p.ftype = atoi(argv[4]);
	return quantise(argv[2], argv[3], &p) != 0;
}
