#include "textflag.h"
#include "sum_amd64.h"

// Rows of 32-number blocks. Two rows go together, DX bytes apart: the sum of one waits
// for its last addition longer than a block takes. A last row alone has the same
// steps.

DATA blockMasks<>+0(SB)/4, $0x0f0f0f0f // low halves of bytes
DATA blockMasks<>+4(SB)/4, $0x00010001 // 1 in words
GLOBL blockMasks<>(SB), RODATA|NOPTR, $8

// SCALED multiplies the integers in p with the scales of the row, in d, and of the
// vector, at SCALE, and adds them to sum.
#define SCALED(SCALE, d, p, e, sum) \
	VBROADCASTSS SCALE, e      \
	VCVTDQ2PS p, p             \
	VMULPS e, d, e             \
	VFMADD231PS e, p, sum

// WEIGHTS8 brings the weights of a block at W into w and their magnitudes, and its
// scale into d.
#define WEIGHTS8(D, W, d, dx, w, wx, magnitude) \
	VMOVDQU W, w               \
	VPBROADCASTW D, dx         \
	VPABSB w, magnitude        \
	VCVTPH2PS dx, d

// PRODUCTS8 leaves the products of the weights with the block at V in p.
#define PRODUCTS8(V, SHIFT, w, magnitude, p, px) \
	VMOVDQU V, p               \
	VPSIGNB w, p, p            \
	VPMADDUBSW p, magnitude, p \
	VPMADDWD Y15, p, p

// PRODUCTS4 leaves the products of the weights with the block at V in p; SHIFT takes
// away the 8 that is added to each weight.
#define PRODUCTS4(V, SHIFT, w, magnitude, p, px) \
	VPMADDUBSW V, w, p         \
	VMOVD SHIFT, X13           \
	VPMADDWD Y15, p, p         \
	VPADDD Y13, p, p

// WEIGHTS4 brings the weights of a block at W into w, 8 more than they are, and its
// scale into d.
#define WEIGHTS4(D, W, d, dx, w, wx, magnitude) \
	VMOVDQU W, wx              \
	VPBROADCASTW D, dx         \
	VPSRLW $4, wx, X13         \
	VINSERTI128 $1, X13, w, w  \
	VCVTPH2PS dx, d            \
	VPAND Y14, w, w

// func rowsQ8(out *float32, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)
TEXT ·rowsQ8(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ scales+24(FP), R10
	MOVQ shifts+32(FP), R12
	MOVQ blocks+40(FP), BX
	MOVQ n+48(FP), CX
	IMUL3Q $34, BX, DX
	VPBROADCASTD blockMasks<>+4(SB), Y15
	SUBQ $2, CX
	JLT  q8last
q8rows:
	MOVQ SI, R8
	MOVQ BX, R9
	MOVQ R10, R11
	MOVQ R12, R13
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
q8pair:
	WEIGHTS8((DI), 2(DI), Y4, X4, Y5, X5, Y6)
	PRODUCTS8((R8), (R13), Y5, Y6, Y7, X7)
	SCALED((R11), Y4, Y7, Y8, Y0)
	WEIGHTS8((DI)(DX*1), 2(DI)(DX*1), Y9, X9, Y10, X10, Y11)
	PRODUCTS8((R8), (R13), Y10, Y11, Y12, X12)
	SCALED((R11), Y9, Y12, Y3, Y2)
	ADDQ $34, DI
	ADDQ $32, R8
	ADDQ $4, R11
	ADDQ $4, R13
	DECQ R9
	JNZ  q8pair
	SUM
	VMOVSS X0, (AX)
	VMOVAPS Y2, Y0
	SUM
	VMOVSS X0, 4(AX)
	ADDQ DX, DI
	ADDQ $8, AX
	SUBQ $2, CX
	JGE  q8rows
q8last:
	INCQ CX
	JNZ  q8end
	MOVQ SI, R8
	MOVQ R10, R11
	MOVQ R12, R13
	VXORPS Y0, Y0, Y0
q8block:
	WEIGHTS8((DI), 2(DI), Y4, X4, Y5, X5, Y6)
	PRODUCTS8((R8), (R13), Y5, Y6, Y7, X7)
	SCALED((R11), Y4, Y7, Y8, Y0)
	ADDQ $34, DI
	ADDQ $32, R8
	ADDQ $4, R11
	ADDQ $4, R13
	DECQ BX
	JNZ  q8block
	SUM
	VMOVSS X0, (AX)
q8end:
	VZEROUPPER
	RET

// func rowsQ8x4(out *float32, apart int, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)
TEXT ·rowsQ8x4(SB), NOSPLIT, $0-64
	MOVQ out+0(FP), AX
	MOVQ rows+16(FP), DI
	MOVQ quants+24(FP), SI
	MOVQ blocks+48(FP), BX
	MOVQ n+56(FP), CX
	MOVQ BX, DX
	SHLQ $5, DX
	LEAQ (DX)(DX*2), R14
	MOVQ BX, R13
	SHLQ $2, R13
	LEAQ (R13)(R13*2), R15
	VPBROADCASTD blockMasks<>+4(SB), Y15
q8x4row:
	MOVQ SI, R8
	MOVQ BX, R9
	MOVQ scales+32(FP), R11
	MOVQ shifts+40(FP), R10
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
q8x4block:
	WEIGHTS8((DI), 2(DI), Y4, X4, Y5, X5, Y6)
	PRODUCTS8((R8), (R10), Y5, Y6, Y7, X7)
	SCALED((R11), Y4, Y7, Y8, Y0)
	PRODUCTS8((R8)(DX*1), (R10)(R13*1), Y5, Y6, Y7, X7)
	SCALED((R11)(R13*1), Y4, Y7, Y8, Y1)
	PRODUCTS8((R8)(DX*2), (R10)(R13*2), Y5, Y6, Y7, X7)
	SCALED((R11)(R13*2), Y4, Y7, Y8, Y2)
	PRODUCTS8((R8)(R14*1), (R10)(R15*1), Y5, Y6, Y7, X7)
	SCALED((R11)(R15*1), Y4, Y7, Y8, Y3)
	ADDQ $34, DI
	ADDQ $32, R8
	ADDQ $4, R11
	ADDQ $4, R10
	DECQ R9
	JNZ  q8x4block
	SPREAD
	ADDQ $4, AX
	DECQ CX
	JNZ  q8x4row
	VZEROUPPER
	RET

// func rowsQ4(out *float32, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)
TEXT ·rowsQ4(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ scales+24(FP), R10
	MOVQ shifts+32(FP), R12
	MOVQ blocks+40(FP), BX
	MOVQ n+48(FP), CX
	IMUL3Q $18, BX, DX
	VPBROADCASTD blockMasks<>+4(SB), Y15
	VPBROADCASTD blockMasks<>+0(SB), Y14
	SUBQ $2, CX
	JLT  q4last
q4rows:
	MOVQ SI, R8
	MOVQ BX, R9
	MOVQ R10, R11
	MOVQ R12, R13
	VXORPS Y0, Y0, Y0
	VXORPS Y2, Y2, Y2
q4pair:
	WEIGHTS4((DI), 2(DI), Y4, X4, Y5, X5, Y6)
	PRODUCTS4((R8), (R13), Y5, Y6, Y7, X7)
	SCALED((R11), Y4, Y7, Y8, Y0)
	WEIGHTS4((DI)(DX*1), 2(DI)(DX*1), Y9, X9, Y10, X10, Y11)
	PRODUCTS4((R8), (R13), Y10, Y11, Y12, X12)
	SCALED((R11), Y9, Y12, Y3, Y2)
	ADDQ $18, DI
	ADDQ $32, R8
	ADDQ $4, R11
	ADDQ $4, R13
	DECQ R9
	JNZ  q4pair
	SUM
	VMOVSS X0, (AX)
	VMOVAPS Y2, Y0
	SUM
	VMOVSS X0, 4(AX)
	ADDQ DX, DI
	ADDQ $8, AX
	SUBQ $2, CX
	JGE  q4rows
q4last:
	INCQ CX
	JNZ  q4end
	MOVQ SI, R8
	MOVQ R10, R11
	MOVQ R12, R13
	VXORPS Y0, Y0, Y0
q4block:
	WEIGHTS4((DI), 2(DI), Y4, X4, Y5, X5, Y6)
	PRODUCTS4((R8), (R13), Y5, Y6, Y7, X7)
	SCALED((R11), Y4, Y7, Y8, Y0)
	ADDQ $18, DI
	ADDQ $32, R8
	ADDQ $4, R11
	ADDQ $4, R13
	DECQ BX
	JNZ  q4block
	SUM
	VMOVSS X0, (AX)
q4end:
	VZEROUPPER
	RET

// func rowsQ4x4(out *float32, apart int, rows *byte, quants *int8, scales *float32, shifts *int32, blocks, n int)
TEXT ·rowsQ4x4(SB), NOSPLIT, $0-64
	MOVQ out+0(FP), AX
	MOVQ rows+16(FP), DI
	MOVQ quants+24(FP), SI
	MOVQ blocks+48(FP), BX
	MOVQ n+56(FP), CX
	MOVQ BX, DX
	SHLQ $5, DX
	LEAQ (DX)(DX*2), R14
	MOVQ BX, R13
	SHLQ $2, R13
	LEAQ (R13)(R13*2), R15
	VPBROADCASTD blockMasks<>+4(SB), Y15
	VPBROADCASTD blockMasks<>+0(SB), Y14
q4x4row:
	MOVQ SI, R8
	MOVQ BX, R9
	MOVQ scales+32(FP), R11
	MOVQ shifts+40(FP), R10
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
q4x4block:
	WEIGHTS4((DI), 2(DI), Y4, X4, Y5, X5, Y6)
	PRODUCTS4((R8), (R10), Y5, Y6, Y7, X7)
	SCALED((R11), Y4, Y7, Y8, Y0)
	PRODUCTS4((R8)(DX*1), (R10)(R13*1), Y5, Y6, Y7, X7)
	SCALED((R11)(R13*1), Y4, Y7, Y8, Y1)
	PRODUCTS4((R8)(DX*2), (R10)(R13*2), Y5, Y6, Y7, X7)
	SCALED((R11)(R13*2), Y4, Y7, Y8, Y2)
	PRODUCTS4((R8)(R14*1), (R10)(R15*1), Y5, Y6, Y7, X7)
	SCALED((R11)(R15*1), Y4, Y7, Y8, Y3)
	ADDQ $18, DI
	ADDQ $32, R8
	ADDQ $4, R11
	ADDQ $4, R10
	DECQ R9
	JNZ  q4x4block
	SPREAD
	ADDQ $4, AX
	DECQ CX
	JNZ  q4x4row
	VZEROUPPER
	RET

