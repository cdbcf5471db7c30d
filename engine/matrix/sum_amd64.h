// What the loops end with.

// The sum of the lanes of Y0 in X0; X1 is lost.
#define SUM \
	VEXTRACTF128 $1, Y0, X1 \
	VADDPS  X1, X0, X0      \
	VMOVHLPS X0, X0, X1     \
	VADDPS  X1, X0, X0      \
	VMOVSHDUP X0, X1        \
	VADDSS  X1, X0, X0

// SPREAD puts the sums of Y0 to Y3 at AX and behind it, as far apart as the second
// argument says; R12 is lost.
#define SPREAD \
	MOVQ apart+8(FP), R12    \
	SHLQ $2, R12             \
	VMOVAPS Y1, Y4           \
	SUM                      \
	VMOVSS X0, (AX)          \
	VMOVAPS Y4, Y0           \
	SUM                      \
	VMOVSS X0, (AX)(R12*1)   \
	VMOVAPS Y2, Y0           \
	SUM                      \
	VMOVSS X0, (AX)(R12*2)   \
	LEAQ (R12)(R12*2), R12   \
	VMOVAPS Y3, Y0           \
	SUM                      \
	VMOVSS X0, (AX)(R12*1)
