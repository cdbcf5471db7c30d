#include "textflag.h"
#include "sum_amd64.h"

// Masks.
DATA consts<>+0(SB)/4, $0x0f0f0f0f // low halves of bytes
GLOBL consts<>(SB), RODATA|NOPTR, $4
DATA fifths<>+0(SB)/8, $0x1010101010101010
DATA fifths<>+8(SB)/8, $0x1010101010101010
DATA fifths<>+16(SB)/8, $0x1010101010101010
DATA fifths<>+24(SB)/8, $0x1010101010101010
GLOBL fifths<>(SB), RODATA|NOPTR, $32
DATA sixths<>+0(SB)/8, $0x3030303030303030
DATA sixths<>+8(SB)/8, $0x3030303030303030
DATA sixths<>+16(SB)/8, $0x3030303030303030
DATA sixths<>+24(SB)/8, $0x3030303030303030
GLOBL sixths<>(SB), RODATA|NOPTR, $32

// Shuffles that repeat word k of 8 in every word of both lanes.
DATA words<>+0(SB)/8, $0x0100010001000100
DATA words<>+8(SB)/8, $0x0100010001000100
DATA words<>+16(SB)/8, $0x0100010001000100
DATA words<>+24(SB)/8, $0x0100010001000100
DATA words<>+32(SB)/8, $0x0302030203020302
DATA words<>+40(SB)/8, $0x0302030203020302
DATA words<>+48(SB)/8, $0x0302030203020302
DATA words<>+56(SB)/8, $0x0302030203020302
DATA words<>+64(SB)/8, $0x0504050405040504
DATA words<>+72(SB)/8, $0x0504050405040504
DATA words<>+80(SB)/8, $0x0504050405040504
DATA words<>+88(SB)/8, $0x0504050405040504
DATA words<>+96(SB)/8, $0x0706070607060706
DATA words<>+104(SB)/8, $0x0706070607060706
DATA words<>+112(SB)/8, $0x0706070607060706
DATA words<>+120(SB)/8, $0x0706070607060706
DATA words<>+128(SB)/8, $0x0908090809080908
DATA words<>+136(SB)/8, $0x0908090809080908
DATA words<>+144(SB)/8, $0x0908090809080908
DATA words<>+152(SB)/8, $0x0908090809080908
DATA words<>+160(SB)/8, $0x0b0a0b0a0b0a0b0a
DATA words<>+168(SB)/8, $0x0b0a0b0a0b0a0b0a
DATA words<>+176(SB)/8, $0x0b0a0b0a0b0a0b0a
DATA words<>+184(SB)/8, $0x0b0a0b0a0b0a0b0a
DATA words<>+192(SB)/8, $0x0d0c0d0c0d0c0d0c
DATA words<>+200(SB)/8, $0x0d0c0d0c0d0c0d0c
DATA words<>+208(SB)/8, $0x0d0c0d0c0d0c0d0c
DATA words<>+216(SB)/8, $0x0d0c0d0c0d0c0d0c
DATA words<>+224(SB)/8, $0x0f0e0f0e0f0e0f0e
DATA words<>+232(SB)/8, $0x0f0e0f0e0f0e0f0e
DATA words<>+240(SB)/8, $0x0f0e0f0e0f0e0f0e
DATA words<>+248(SB)/8, $0x0f0e0f0e0f0e0f0e
GLOBL words<>(SB), RODATA|NOPTR, $256

// Shuffles that repeat byte 2k eight times and then byte 2k+1.
DATA twins<>+0(SB)/8, $0x0000000000000000
DATA twins<>+8(SB)/8, $0x0101010101010101
DATA twins<>+16(SB)/8, $0x0202020202020202
DATA twins<>+24(SB)/8, $0x0303030303030303
DATA twins<>+32(SB)/8, $0x0404040404040404
DATA twins<>+40(SB)/8, $0x0505050505050505
DATA twins<>+48(SB)/8, $0x0606060606060606
DATA twins<>+56(SB)/8, $0x0707070707070707
DATA twins<>+64(SB)/8, $0x0808080808080808
DATA twins<>+72(SB)/8, $0x0909090909090909
DATA twins<>+80(SB)/8, $0x0a0a0a0a0a0a0a0a
DATA twins<>+88(SB)/8, $0x0b0b0b0b0b0b0b0b
DATA twins<>+96(SB)/8, $0x0c0c0c0c0c0c0c0c
DATA twins<>+104(SB)/8, $0x0d0d0d0d0d0d0d0d
DATA twins<>+112(SB)/8, $0x0e0e0e0e0e0e0e0e
DATA twins<>+120(SB)/8, $0x0f0f0f0f0f0f0f0f
GLOBL twins<>(SB), RODATA|NOPTR, $128

// Rows of blocks. AX is the result, DI the row, SI the vector, R10 its scales, BX the
// blocks of a row, CX the rows left; R8, R9 and R11 are SI, BX and R10 on their way.

// SCALES reads the 6-bit scales and offsets at 4(DI): the scales become words in
// both lanes of Y4, the offsets words in X13. Y12 becomes the scale of the block,
// X15 that of the offsets. R10, R12, R15 and BX are lost.
#define SCALES \
	MOVL 4(DI), R12            \
	MOVL 8(DI), BX             \
	MOVL 12(DI), R10           \
	VPBROADCASTW (DI), X12     \
	VPBROADCASTW 2(DI), X15    \
	MOVL R10, R15              \
	SHRL $4, R15               \
	ANDL $0x0f0f0f0f, R15      \
	ANDL $0x0f0f0f0f, R10      \
	VMOVD BX, X13              \
	SHRL $2, BX                \
	ANDL $0x30303030, BX       \
	ORL  BX, R15               \
	VMOVD X13, BX              \
	ANDL $0x3f3f3f3f, BX       \
	SHLQ $32, R15              \
	ORQ  R15, BX               \
	VMOVQ BX, X13              \
	MOVL R12, R15              \
	SHRL $2, R15               \
	ANDL $0x30303030, R15      \
	ORL  R15, R10              \
	ANDL $0x3f3f3f3f, R12      \
	SHLQ $32, R10              \
	ORQ  R10, R12              \
	VMOVQ R12, X4              \
	VCVTPH2PS X12, Y12         \
	VCVTPH2PS X15, X15         \
	VPMOVZXBW X4, X4           \
	VPMOVZXBW X13, X13         \
	VINSERTI128 $1, X4, Y4, Y4

// OFFSETS takes from sum the offsets times the sums of a vector, at SUMS and MORE
// 16 bytes behind it; SCALE is where the vector's own scale is. Only the lower half
// of the sum changes.
#define OFFSETS(SUMS, MORE, SCALE, sum) \
	VMOVDQU SUMS, X5           \
	VPHADDW MORE, X5, X5       \
	VPMADDWD X5, X13, X5       \
	VBROADCASTSS SCALE, X6     \
	VCVTDQ2PS X5, X5           \
	VMULPS X6, X15, X6         \
	VFNMADD231PS Y6, Y5, sum

// FINISH adds to sum the products in ints, times both scales.
#define FINISH(SCALE, ints, sum) \
	VBROADCASTSS SCALE, Y5     \
	VCVTDQ2PS ints, ints       \
	VMULPS Y5, Y12, Y5         \
	VFMADD231PS Y5, ints, sum

// MADD multiplies the weights in w with a vector's numbers at V, and with the words
// of Y5, and adds them to ints; Y13 is lost.
#define MADD(V, w, ints) \
	VPMADDUBSW V, w, Y13       \
	VPMADDWD Y5, Y13, Y13      \
	VPADDD Y13, ints, ints

// MADD4 does it with four vectors, DX bytes apart.
#define MADD4(v, w) \
	MADD(v(R8), w, Y8)           \
	MADD(v(R8)(DX*1), w, Y9)     \
	MADD(v(R8)(DX*2), w, Y10)    \
	MADD(v(R8)(R14*1), w, Y11)

// NIBBLES multiplies 64 numbers, whose bits are at q(DI), with those at v(R8): the
// words of their scales are s bytes into the shuffles. DO is MADD1 or MADD4.
#define NIBBLES(q, v, s, DO) \
	VMOVDQU q(DI), Y6            \
	VPSHUFB words<>+s(SB), Y4, Y5 \
	VPAND Y14, Y6, Y7            \
	VPSRLW $4, Y6, Y6            \
	VPAND Y14, Y6, Y6            \
	DO(v, Y7)                    \
	VPSHUFB words<>+(s+32)(SB), Y4, Y5 \
	DO((v+32), Y6)

#define MADD1(v, w) MADD(v(R8), w, Y8)

// FIVES is NIBBLES with the fifth bits of Y15, which LOW and HIGH bring into place.
#define FIVES(q, v, s, LOW, low, HIGH, high, DO) \
	VMOVDQU q(DI), Y6            \
	LOW  $low, Y15, Y5           \
	HIGH $high, Y15, Y13         \
	VPAND Y14, Y6, Y7            \
	VPSRLW $4, Y6, Y6            \
	VPAND fifths<>(SB), Y5, Y5   \
	VPAND fifths<>(SB), Y13, Y13 \
	VPAND Y14, Y6, Y6            \
	VPOR Y5, Y7, Y7              \
	VPOR Y13, Y6, Y6             \
	VPSHUFB words<>+s(SB), Y4, Y5 \
	DO(v, Y7)                    \
	VPSHUFB words<>+(s+32)(SB), Y4, Y5 \
	DO((v+32), Y6)

// func rowsQ4K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ4K(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ n+48(FP), CX
	VPBROADCASTD consts<>+0(SB), Y14
rowQ4K:
	MOVQ SI, R8
	MOVQ supers+40(FP), R9
	MOVQ scales+24(FP), R11
	MOVQ sums+32(FP), R13
	VXORPS Y0, Y0, Y0
blockQ4K:
	SCALES
	OFFSETS((R13), 16(R13), (R11), Y0)
	VPXOR Y8, Y8, Y8
	NIBBLES(16, 0, 0, MADD1)
	NIBBLES(48, 64, 64, MADD1)
	NIBBLES(80, 128, 128, MADD1)
	NIBBLES(112, 192, 192, MADD1)
	FINISH((R11), Y8, Y0)
	ADDQ $144, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  blockQ4K
	SUM
	VMOVSS X0, (AX)
	ADDQ $4, AX
	DECQ CX
	JNZ  rowQ4K
	VZEROUPPER
	RET

// func rowsQ4Kx4(out *float32, apart int, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ4Kx4(SB), NOSPLIT, $0-64
	MOVQ out+0(FP), AX
	MOVQ rows+16(FP), DI
	MOVQ quants+24(FP), SI
	MOVQ n+56(FP), CX
	MOVQ supers+48(FP), DX
	SHLQ $8, DX
	LEAQ (DX)(DX*2), R14
	VPBROADCASTD consts<>+0(SB), Y14
rowQ4Kx4:
	MOVQ SI, R8
	MOVQ supers+48(FP), R9
	MOVQ scales+32(FP), R11
	MOVQ sums+40(FP), R13
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
blockQ4Kx4:
	SCALES
	MOVQ DX, R15
	SHRQ $3, R15
	LEAQ (R15)(R15*2), BX
	MOVQ DX, R12
	SHRQ $6, R12
	LEAQ (R12)(R12*2), R10
	OFFSETS((R13), 16(R13), (R11), Y0)
	OFFSETS((R13)(R15*1), 16(R13)(R15*1), (R11)(R12*1), Y1)
	OFFSETS((R13)(R15*2), 16(R13)(R15*2), (R11)(R12*2), Y2)
	OFFSETS((R13)(BX*1), 16(R13)(BX*1), (R11)(R10*1), Y3)
	VPXOR Y8, Y8, Y8
	VPXOR Y9, Y9, Y9
	VPXOR Y10, Y10, Y10
	VPXOR Y11, Y11, Y11
	NIBBLES(16, 0, 0, MADD4)
	NIBBLES(48, 64, 64, MADD4)
	NIBBLES(80, 128, 128, MADD4)
	NIBBLES(112, 192, 192, MADD4)
	FINISH((R11), Y8, Y0)
	FINISH((R11)(R12*1), Y9, Y1)
	FINISH((R11)(R12*2), Y10, Y2)
	FINISH((R11)(R10*1), Y11, Y3)
	ADDQ $144, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  blockQ4Kx4
	SPREAD
	ADDQ $4, AX
	DECQ CX
	JNZ  rowQ4Kx4
	VZEROUPPER
	RET

// func rowsQ5K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ5K(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ n+48(FP), CX
	VPBROADCASTD consts<>+0(SB), Y14
rowQ5K:
	MOVQ SI, R8
	MOVQ supers+40(FP), R9
	MOVQ scales+24(FP), R11
	MOVQ sums+32(FP), R13
	VXORPS Y0, Y0, Y0
blockQ5K:
	SCALES
	OFFSETS((R13), 16(R13), (R11), Y0)
	VPXOR Y8, Y8, Y8
	VMOVDQU 16(DI), Y15
	FIVES(48, 0, 0, VPSLLW, 4, VPSLLW, 3, MADD1)
	FIVES(80, 64, 64, VPSLLW, 2, VPSLLW, 1, MADD1)
	FIVES(112, 128, 128, VPSLLW, 0, VPSRLW, 1, MADD1)
	FIVES(144, 192, 192, VPSRLW, 2, VPSRLW, 3, MADD1)
	FINISH((R11), Y8, Y0)
	ADDQ $176, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  blockQ5K
	SUM
	VMOVSS X0, (AX)
	ADDQ $4, AX
	DECQ CX
	JNZ  rowQ5K
	VZEROUPPER
	RET

// func rowsQ5Kx4(out *float32, apart int, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ5Kx4(SB), NOSPLIT, $0-64
	MOVQ out+0(FP), AX
	MOVQ rows+16(FP), DI
	MOVQ quants+24(FP), SI
	MOVQ n+56(FP), CX
	MOVQ supers+48(FP), DX
	SHLQ $8, DX
	LEAQ (DX)(DX*2), R14
	VPBROADCASTD consts<>+0(SB), Y14
rowQ5Kx4:
	MOVQ SI, R8
	MOVQ supers+48(FP), R9
	MOVQ scales+32(FP), R11
	MOVQ sums+40(FP), R13
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
blockQ5Kx4:
	SCALES
	MOVQ DX, R15
	SHRQ $3, R15
	LEAQ (R15)(R15*2), BX
	MOVQ DX, R12
	SHRQ $6, R12
	LEAQ (R12)(R12*2), R10
	OFFSETS((R13), 16(R13), (R11), Y0)
	OFFSETS((R13)(R15*1), 16(R13)(R15*1), (R11)(R12*1), Y1)
	OFFSETS((R13)(R15*2), 16(R13)(R15*2), (R11)(R12*2), Y2)
	OFFSETS((R13)(BX*1), 16(R13)(BX*1), (R11)(R10*1), Y3)
	VPXOR Y8, Y8, Y8
	VPXOR Y9, Y9, Y9
	VPXOR Y10, Y10, Y10
	VPXOR Y11, Y11, Y11
	VMOVDQU 16(DI), Y15
	FIVES(48, 0, 0, VPSLLW, 4, VPSLLW, 3, MADD4)
	FIVES(80, 64, 64, VPSLLW, 2, VPSLLW, 1, MADD4)
	FIVES(112, 128, 128, VPSLLW, 0, VPSRLW, 1, MADD4)
	FIVES(144, 192, 192, VPSRLW, 2, VPSRLW, 3, MADD4)
	FINISH((R11), Y8, Y0)
	FINISH((R11)(R12*1), Y9, Y1)
	FINISH((R11)(R12*2), Y10, Y2)
	FINISH((R11)(R10*1), Y11, Y3)
	ADDQ $176, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  blockQ5Kx4
	SPREAD
	ADDQ $4, AX
	DECQ CX
	JNZ  rowQ5Kx4
	VZEROUPPER
	RET

// SIXSCALES leaves the 16 scales of a block at DI as bytes in X4 and as words in Y5,
// and the scale of the block in Y12.
#define SIXSCALES \
	VMOVDQU 192(DI), X4          \
	VPBROADCASTW 208(DI), X12    \
	VPMOVSXBW X4, Y5             \
	VCVTPH2PS X12, Y12

// SIXOFFSETS takes from ints 32 times the sums of a vector, times the scales.
#define SIXOFFSETS(SUMS, ints) \
	VPMADDWD SUMS, Y5, Y13       \
	VPSLLD $5, Y13, Y13          \
	VPSUBD Y13, ints, ints

// SIX brings the scales of 32 numbers, whose bits are in Y7, into the words of Y5.
#define SIX(v, s, DO) \
	VPSHUFB twins<>+s(SB), X4, X5 \
	VPMOVSXBW X5, Y5             \
	DO(v, Y7)

// HALFSIX does 128 numbers: their low bits at q(DI) and the high ones at h(DI).
#define HALFSIX(q, h, v, s, DO) \
	VMOVDQU q(DI), Y6            \
	VMOVDQU h(DI), Y15           \
	VPAND Y14, Y6, Y7            \
	VPSLLW $4, Y15, Y13          \
	VPAND sixths<>(SB), Y13, Y13 \
	VPOR Y13, Y7, Y7             \
	SIX(v, s, DO)                \
	VPSRLW $4, Y6, Y6            \
	VPAND Y14, Y6, Y7            \
	VPAND sixths<>(SB), Y15, Y13 \
	VPOR Y13, Y7, Y7             \
	SIX((v+64), (s+32), DO)      \
	VMOVDQU (q+32)(DI), Y6       \
	VPAND Y14, Y6, Y7            \
	VPSLLW $2, Y15, Y13          \
	VPAND sixths<>(SB), Y13, Y13 \
	VPOR Y13, Y7, Y7             \
	SIX((v+32), (s+16), DO)      \
	VPSRLW $4, Y6, Y6            \
	VPAND Y14, Y6, Y7            \
	VPSRLW $2, Y15, Y13          \
	VPAND sixths<>(SB), Y13, Y13 \
	VPOR Y13, Y7, Y7             \
	SIX((v+96), (s+48), DO)

// func rowsQ6K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ6K(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ n+48(FP), CX
	VPBROADCASTD consts<>+0(SB), Y14
rowQ6K:
	MOVQ SI, R8
	MOVQ supers+40(FP), R9
	MOVQ scales+24(FP), R11
	MOVQ sums+32(FP), R13
	VXORPS Y0, Y0, Y0
blockQ6K:
	SIXSCALES
	VPXOR Y8, Y8, Y8
	SIXOFFSETS((R13), Y8)
	HALFSIX(0, 128, 0, 0, MADD1)
	HALFSIX(64, 160, 128, 64, MADD1)
	FINISH((R11), Y8, Y0)
	ADDQ $210, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  blockQ6K
	SUM
	VMOVSS X0, (AX)
	ADDQ $4, AX
	DECQ CX
	JNZ  rowQ6K
	VZEROUPPER
	RET

// func rowsQ6Kx4(out *float32, apart int, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ6Kx4(SB), NOSPLIT, $0-64
	MOVQ out+0(FP), AX
	MOVQ rows+16(FP), DI
	MOVQ quants+24(FP), SI
	MOVQ n+56(FP), CX
	MOVQ supers+48(FP), DX
	SHLQ $8, DX
	LEAQ (DX)(DX*2), R14
	VPBROADCASTD consts<>+0(SB), Y14
rowQ6Kx4:
	MOVQ SI, R8
	MOVQ supers+48(FP), R9
	MOVQ scales+32(FP), R11
	MOVQ sums+40(FP), R13
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
blockQ6Kx4:
	SIXSCALES
	MOVQ DX, R15
	SHRQ $3, R15
	LEAQ (R15)(R15*2), BX
	MOVQ DX, R12
	SHRQ $6, R12
	LEAQ (R12)(R12*2), R10
	VPXOR Y8, Y8, Y8
	VPXOR Y9, Y9, Y9
	VPXOR Y10, Y10, Y10
	VPXOR Y11, Y11, Y11
	SIXOFFSETS((R13), Y8)
	SIXOFFSETS((R13)(R15*1), Y9)
	SIXOFFSETS((R13)(R15*2), Y10)
	SIXOFFSETS((R13)(BX*1), Y11)
	HALFSIX(0, 128, 0, 0, MADD4)
	HALFSIX(64, 160, 128, 64, MADD4)
	FINISH((R11), Y8, Y0)
	FINISH((R11)(R12*1), Y9, Y1)
	FINISH((R11)(R12*2), Y10, Y2)
	FINISH((R11)(R10*1), Y11, Y3)
	ADDQ $210, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  blockQ6Kx4
	SPREAD
	ADDQ $4, AX
	DECQ CX
	JNZ  rowQ6Kx4
	VZEROUPPER
	RET
