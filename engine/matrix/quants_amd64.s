#include "textflag.h"

// The sum of the lanes of Y0 in X0; X1 is lost.
#define SUM \
	VEXTRACTF128 $1, Y0, X1 \
	VADDPS  X1, X0, X0      \
	VMOVHLPS X0, X0, X1     \
	VADDPS  X1, X0, X0      \
	VMOVSHDUP X0, X1        \
	VADDSS  X1, X0, X0

// Masks and small constants.
DATA consts<>+0(SB)/4, $0x0f0f0f0f // low halves of bytes
DATA consts<>+4(SB)/4, $0x00010001 // 1 in words
DATA consts<>+8(SB)/4, $0x10101010 // fifth bits
DATA consts<>+12(SB)/4, $0x30303030 // fifth and sixth bits
DATA consts<>+16(SB)/4, $0x7fffffff // all but the sign
DATA consts<>+20(SB)/4, $0x42fe0000 // 127
DATA consts<>+24(SB)/4, $0xc1000000 // -8
DATA consts<>+28(SB)/4, $0xc2fe0000 // -127
DATA consts<>+32(SB)/4, $0x3f800000 // 1
DATA consts<>+36(SB)/4, $0x01010101 // 1 in bytes
GLOBL consts<>(SB), RODATA|NOPTR, $40

// The order in which packing leaves groups of four bytes.

DATA unpacked<>+0(SB)/4, $0
DATA unpacked<>+4(SB)/4, $4
DATA unpacked<>+8(SB)/4, $1
DATA unpacked<>+12(SB)/4, $5
DATA unpacked<>+16(SB)/4, $2
DATA unpacked<>+20(SB)/4, $6
DATA unpacked<>+24(SB)/4, $3
DATA unpacked<>+28(SB)/4, $7
GLOBL unpacked<>(SB), RODATA|NOPTR, $32

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

// func rowsQ8(out *float32, rows *byte, quants *int8, scales *float32, blocks, n int)
TEXT ·rowsQ8(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ scales+24(FP), R10
	MOVQ blocks+32(FP), BX
	MOVQ n+40(FP), CX
	VPBROADCASTD consts<>+4(SB), Y15
q8row:
	MOVQ SI, R8
	MOVQ BX, R9
	MOVQ R10, R11
	VXORPS Y0, Y0, Y0
q8block:
	VMOVDQU 2(DI), Y4
	VMOVDQU (R8), Y8
	VPBROADCASTW (DI), X5
	VBROADCASTSS (R11), Y6
	VPABSB Y4, Y7
	VPSIGNB Y4, Y8, Y8
	VCVTPH2PS X5, Y5
	VPMADDUBSW Y8, Y7, Y7
	VMULPS Y6, Y5, Y5
	VPMADDWD Y15, Y7, Y7
	VCVTDQ2PS Y7, Y7
	VFMADD231PS Y5, Y7, Y0
	ADDQ $34, DI
	ADDQ $32, R8
	ADDQ $4, R11
	DECQ R9
	JNZ  q8block
	SUM
	VMOVSS X0, (AX)
	ADDQ $4, AX
	DECQ CX
	JNZ  q8row
	VZEROUPPER
	RET

// func rowsQ4(out *float32, rows *byte, quants *int8, scales, shifts *float32, blocks, n int)
TEXT ·rowsQ4(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ scales+24(FP), R10
	MOVQ shifts+32(FP), R12
	MOVQ blocks+40(FP), BX
	MOVQ n+48(FP), CX
	VPBROADCASTD consts<>+4(SB), Y15
	VPBROADCASTD consts<>+0(SB), Y14
q4row:
	MOVQ SI, R8
	MOVQ BX, R9
	MOVQ R10, R11
	MOVQ R12, R13
	VXORPS Y0, Y0, Y0
	VXORPS Y3, Y3, Y3
q4block:
	VMOVDQU 2(DI), X4
	VPBROADCASTW (DI), X5
	VBROADCASTSS (R11), Y6
	VPSRLW $4, X4, X7
	VINSERTI128 $1, X7, Y4, Y4
	VCVTPH2PS X5, Y5
	VPAND Y14, Y4, Y4
	VFMADD231SS (R13), X5, X3
	VMULPS Y6, Y5, Y5
	VPMADDUBSW (R8), Y4, Y4
	VPMADDWD Y15, Y4, Y4
	VCVTDQ2PS Y4, Y4
	VFMADD231PS Y5, Y4, Y0
	ADDQ $18, DI
	ADDQ $32, R8
	ADDQ $4, R11
	ADDQ $4, R13
	DECQ R9
	JNZ  q4block
	SUM
	VADDSS X3, X0, X0
	VMOVSS X0, (AX)
	ADDQ $4, AX
	DECQ CX
	JNZ  q4row
	VZEROUPPER
	RET

// SCALES reads the 6-bit scales and offsets at 4(DI): the scales become words in
// both lanes of Y4, and the offsets, times the sums at R13, are taken from X3. Y8
// becomes the scale of the block, that of the vector included.
#define SCALES \
	MOVL 4(DI), R12            \
	MOVL 8(DI), DX             \
	MOVL 12(DI), R14           \
	MOVL R14, R15              \
	SHRL $4, R15               \
	ANDL $0x0f0f0f0f, R15      \
	ANDL $0x0f0f0f0f, R14      \
	VPBROADCASTW 2(DI), X9     \
	VPBROADCASTW (DI), X8      \
	VBROADCASTSS (R11), Y10    \
	VMOVQ DX, X5               \
	SHRL $2, DX                \
	ANDL $0x30303030, DX       \
	ORL  DX, R15               \
	VMOVQ X5, DX               \
	ANDL $0x3f3f3f3f, DX       \
	SHLQ $32, R15              \
	ORQ  R15, DX               \
	VMOVQ DX, X5               \
	MOVL R12, R15              \
	SHRL $2, R15               \
	ANDL $0x30303030, R15      \
	ORL  R15, R14              \
	ANDL $0x3f3f3f3f, R12      \
	SHLQ $32, R14              \
	ORQ  R14, R12              \
	VMOVQ R12, X4              \
	VPMOVZXBW X4, X4           \
	VPMOVZXBW X5, X5           \
	VMOVDQU (R13), X6          \
	VPHADDW 16(R13), X6, X6    \
	VPMADDWD X6, X5, X5        \
	VCVTDQ2PS X5, X5           \
	VCVTPH2PS X9, X9           \
	VCVTPH2PS X8, Y8           \
	VMULPS X10, X9, X9         \
	VMULPS Y10, Y8, Y8         \
	VFNMADD231PS X9, X5, X3    \
	VINSERTI128 $1, X4, Y4, Y4

// The sum of Y0 and X3 into the result at AX.
#define SUMBOTH \
	SUM                     \
	VMOVHLPS X3, X3, X1     \
	VADDPS  X1, X3, X3      \
	VMOVSHDUP X3, X1        \
	VADDSS  X1, X3, X3      \
	VADDSS  X3, X0, X0      \
	VMOVSS  X0, (AX)

// NIBBLES multiplies 64 numbers, whose bits are at q(DI), with those at v(R8) and
// adds the products, times their words of the scales, to Y11.
#define NIBBLES(q, v, s) \
	VMOVDQU q(DI), Y6            \
	VPAND Y14, Y6, Y7            \
	VPSRLW $4, Y6, Y6            \
	VPAND Y14, Y6, Y6            \
	VPMADDUBSW v(R8), Y7, Y7     \
	VPSHUFB words<>+s(SB), Y4, Y5 \
	VPMADDWD Y5, Y7, Y7          \
	VPMADDUBSW (v+32)(R8), Y6, Y6  \
	VPSHUFB words<>+(s+32)(SB), Y4, Y5 \
	VPMADDWD Y5, Y6, Y6          \
	VPADDD Y7, Y11, Y11          \
	VPADDD Y6, Y11, Y11

// func rowsQ4K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ4K(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ scales+24(FP), R10
	MOVQ n+48(FP), CX
	VPBROADCASTD consts<>+0(SB), Y14
q4krow:
	MOVQ SI, R8
	MOVQ supers+40(FP), R9
	MOVQ R10, R11
	MOVQ sums+32(FP), R13
	VXORPS Y0, Y0, Y0
	VXORPS Y3, Y3, Y3
q4kblock:
	SCALES
	VPXOR Y11, Y11, Y11
	NIBBLES(16, 0, 0)
	NIBBLES(48, 64, 64)
	NIBBLES(80, 128, 128)
	NIBBLES(112, 192, 192)
	VCVTDQ2PS Y11, Y11
	VFMADD231PS Y8, Y11, Y0
	ADDQ $144, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  q4kblock
	SUMBOTH
	ADDQ $4, AX
	DECQ CX
	JNZ  q4krow
	VZEROUPPER
	RET

// FIVES is NIBBLES with the fifth bits of Y2, which LOW and HIGH bring into place.
#define FIVES(q, v, s, LOW, low, HIGH, high) \
	VMOVDQU q(DI), Y6            \
	VPAND Y14, Y6, Y7            \
	VPSRLW $4, Y6, Y6            \
	VPAND Y14, Y6, Y6            \
	LOW  $low, Y2, Y9            \
	HIGH $high, Y2, Y12          \
	VPAND Y13, Y9, Y9            \
	VPAND Y13, Y12, Y12          \
	VPOR Y9, Y7, Y7              \
	VPOR Y12, Y6, Y6             \
	VPMADDUBSW v(R8), Y7, Y7     \
	VPSHUFB words<>+s(SB), Y4, Y5 \
	VPMADDWD Y5, Y7, Y7          \
	VPMADDUBSW (v+32)(R8), Y6, Y6  \
	VPSHUFB words<>+(s+32)(SB), Y4, Y5 \
	VPMADDWD Y5, Y6, Y6          \
	VPADDD Y7, Y11, Y11          \
	VPADDD Y6, Y11, Y11

// func rowsQ5K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ5K(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ scales+24(FP), R10
	MOVQ n+48(FP), CX
	VPBROADCASTD consts<>+0(SB), Y14
	VPBROADCASTD consts<>+8(SB), Y13
q5krow:
	MOVQ SI, R8
	MOVQ supers+40(FP), R9
	MOVQ R10, R11
	MOVQ sums+32(FP), R13
	VXORPS Y0, Y0, Y0
	VXORPS Y3, Y3, Y3
q5kblock:
	SCALES
	VPXOR Y11, Y11, Y11
	VMOVDQU 16(DI), Y2
	FIVES(48, 0, 0, VPSLLW, 4, VPSLLW, 3)
	FIVES(80, 64, 64, VPSLLW, 2, VPSLLW, 1)
	FIVES(112, 128, 128, VPSLLW, 0, VPSRLW, 1)
	FIVES(144, 192, 192, VPSRLW, 2, VPSRLW, 3)
	VCVTDQ2PS Y11, Y11
	VFMADD231PS Y8, Y11, Y0
	ADDQ $176, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  q5kblock
	SUMBOTH
	ADDQ $4, AX
	DECQ CX
	JNZ  q5krow
	VZEROUPPER
	RET

// SIXES multiplies the 32 numbers, whose bits are in Y7, with those at v(R8) and
// adds the products, times their two scales, to Y11.
#define SIXES(v, s) \
	VPMADDUBSW v(R8), Y7, Y7     \
	VPSHUFB twins<>+s(SB), X4, X5 \
	VPMOVSXBW X5, Y5             \
	VPMADDWD Y5, Y7, Y7          \
	VPADDD Y7, Y11, Y11

// HALFSIX does 128 numbers: their low bits at q(DI) and the high ones at h(DI).
#define HALFSIX(q, h, v, s) \
	VMOVDQU q(DI), Y6            \
	VMOVDQU (q+32)(DI), Y9       \
	VMOVDQU h(DI), Y2            \
	VPAND Y14, Y6, Y7            \
	VPSLLW $4, Y2, Y12           \
	VPAND Y13, Y12, Y12          \
	VPOR Y12, Y7, Y7             \
	SIXES(v, s)                  \
	VPAND Y14, Y9, Y7            \
	VPSLLW $2, Y2, Y12           \
	VPAND Y13, Y12, Y12          \
	VPOR Y12, Y7, Y7             \
	SIXES((v+32), (s+16))        \
	VPSRLW $4, Y6, Y6            \
	VPAND Y14, Y6, Y7            \
	VPAND Y13, Y2, Y12           \
	VPOR Y12, Y7, Y7             \
	SIXES((v+64), (s+32))        \
	VPSRLW $4, Y9, Y9            \
	VPAND Y14, Y9, Y7            \
	VPSRLW $2, Y2, Y12           \
	VPAND Y13, Y12, Y12          \
	VPOR Y12, Y7, Y7             \
	SIXES((v+96), (s+48))

// func rowsQ6K(out *float32, rows *byte, quants *int8, scales *float32, sums *int16, supers, n int)
TEXT ·rowsQ6K(SB), NOSPLIT, $0-56
	MOVQ out+0(FP), AX
	MOVQ rows+8(FP), DI
	MOVQ quants+16(FP), SI
	MOVQ scales+24(FP), R10
	MOVQ n+48(FP), CX
	VPBROADCASTD consts<>+0(SB), Y14
	VPBROADCASTD consts<>+12(SB), Y13
q6krow:
	MOVQ SI, R8
	MOVQ supers+40(FP), R9
	MOVQ R10, R11
	MOVQ sums+32(FP), R13
	VXORPS Y0, Y0, Y0
q6kblock:
	VMOVDQU 192(DI), X4
	VPBROADCASTW 208(DI), X8
	VBROADCASTSS (R11), Y10
	VPMOVSXBW X4, Y5
	VPMADDWD (R13), Y5, Y3
	VPSLLD $5, Y3, Y3
	VCVTPH2PS X8, Y8
	VPXOR Y11, Y11, Y11
	VMULPS Y10, Y8, Y8
	HALFSIX(0, 128, 0, 0)
	HALFSIX(64, 160, 128, 64)
	VPSUBD Y3, Y11, Y11
	VCVTDQ2PS Y11, Y11
	VFMADD231PS Y8, Y11, Y0
	ADDQ $210, DI
	ADDQ $256, R8
	ADDQ $4, R11
	ADDQ $32, R13
	DECQ R9
	JNZ  q6kblock
	SUM
	VMOVSS X0, (AX)
	ADDQ $4, AX
	DECQ CX
	JNZ  q6krow
	VZEROUPPER
	RET

// PACK rounds the 32 numbers of Y0 to Y3, times Y6, to bytes in Y0; Y1 and Y2
// hold sums of four integers each.
#define PACK \
	VMULPS Y6, Y0, Y0        \
	VMULPS Y6, Y1, Y1        \
	VMULPS Y6, Y2, Y2        \
	VMULPS Y6, Y3, Y3        \
	VCVTPS2DQ Y0, Y0         \
	VCVTPS2DQ Y1, Y1         \
	VCVTPS2DQ Y2, Y2         \
	VCVTPS2DQ Y3, Y3         \
	VPACKSSDW Y1, Y0, Y0     \
	VPACKSSDW Y3, Y2, Y2     \
	VPACKSSWB Y2, Y0, Y0     \
	VPERMD Y0, Y9, Y0        \
	VPMADDUBSW Y0, Y10, Y1   \
	VPMADDWD Y11, Y1, Y1     \
	VPHADDD Y1, Y1, Y1       \
	VPHADDD Y1, Y1, Y1       \
	VEXTRACTI128 $1, Y1, X2

// func blocksOf(quants *int8, scales, shifts, x *float32, blocks int)
TEXT ·blocksOf(SB), NOSPLIT, $0-40
	MOVQ quants+0(FP), DI
	MOVQ scales+8(FP), AX
	MOVQ shifts+16(FP), BX
	MOVQ x+24(FP), SI
	MOVQ blocks+32(FP), CX
	VPBROADCASTD consts<>+16(SB), Y15
	VMOVSS consts<>+20(SB), X14
	VMOVSS consts<>+24(SB), X13
	VPBROADCASTD consts<>+4(SB), Y11
	VPBROADCASTD consts<>+36(SB), Y10
	VMOVDQU unpacked<>(SB), Y9
blocksNext:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS 64(SI), Y2
	VMOVUPS 96(SI), Y3
	VANDPS Y15, Y0, Y4
	VANDPS Y15, Y1, Y5
	VANDPS Y15, Y2, Y6
	VANDPS Y15, Y3, Y7
	VMAXPS Y5, Y4, Y4
	VMAXPS Y7, Y6, Y6
	VMAXPS Y6, Y4, Y4
	VEXTRACTF128 $1, Y4, X5
	VMAXPS X5, X4, X4
	VMOVHLPS X4, X4, X5
	VMAXPS X5, X4, X4
	VMOVSHDUP X4, X5
	VMAXSS X5, X4, X4
	VDIVSS X14, X4, X5
	VDIVSS X4, X14, X6
	VXORPS X7, X7, X7
	VCMPSS $4, X7, X4, X8
	VANDPS X8, X6, X6
	VBROADCASTSS X6, Y6
	VCVTPS2PH $0, X5, X7
	VCVTPH2PS X7, X7
	VMOVSS X7, (AX)
	PACK
	VMOVDQU Y0, (DI)
	VPADDD X2, X1, X1
	VCVTDQ2PS X1, X1
	VMULSS X13, X7, X7
	VMULSS X1, X7, X7
	VMOVSS X7, (BX)
	ADDQ $128, SI
	ADDQ $32, DI
	ADDQ $4, AX
	ADDQ $4, BX
	DECQ CX
	JNZ  blocksNext
	VZEROUPPER
	RET

// func supersOf(quants *int8, scales *float32, sums *int16, x *float32, supers int)
TEXT ·supersOf(SB), NOSPLIT, $0-40
	MOVQ quants+0(FP), DI
	MOVQ scales+8(FP), AX
	MOVQ sums+16(FP), BX
	MOVQ x+24(FP), SI
	MOVQ supers+32(FP), CX
	VMOVSS consts<>+28(SB), X14
	VMOVSS consts<>+32(SB), X13
	VPBROADCASTD consts<>+4(SB), Y11
	VPBROADCASTD consts<>+36(SB), Y10
	VMOVDQU unpacked<>(SB), Y9
supersNext:
	VMOVUPS (SI), Y0
	VMOVAPS Y0, Y1
	MOVQ $32, R8
	MOVQ SI, R9
supersBound:
	VMAXPS (R9), Y0, Y0
	VMINPS (R9), Y1, Y1
	ADDQ $32, R9
	DECQ R8
	JNZ  supersBound
	VEXTRACTF128 $1, Y0, X2
	VEXTRACTF128 $1, Y1, X3
	VMAXPS X2, X0, X0
	VMINPS X3, X1, X1
	VMOVHLPS X0, X0, X2
	VMOVHLPS X1, X1, X3
	VMAXPS X2, X0, X0
	VMINPS X3, X1, X1
	VMOVSHDUP X0, X2
	VMOVSHDUP X1, X3
	VMAXSS X2, X0, X0
	VMINSS X3, X1, X1
	VXORPS X7, X7, X7
	VSUBSS X1, X7, X2
	VCMPSS $1, X2, X0, X2
	VBLENDVPS X2, X1, X0, X4
	VDIVSS X4, X14, X6
	VCMPSS $4, X7, X4, X8
	VANDPS X8, X6, X6
	VDIVSS X6, X13, X5
	VANDPS X8, X5, X5
	VMOVSS X5, (AX)
	VBROADCASTSS X6, Y6
	MOVQ $8, R8
supersPack:
	VMOVUPS (SI), Y0
	VMOVUPS 32(SI), Y1
	VMOVUPS 64(SI), Y2
	VMOVUPS 96(SI), Y3
	PACK
	VMOVDQU Y0, (DI)
	VMOVD X1, R9
	VMOVD X2, R10
	MOVW R9, (BX)
	MOVW R10, 2(BX)
	ADDQ $128, SI
	ADDQ $32, DI
	ADDQ $4, BX
	DECQ R8
	JNZ  supersPack
	ADDQ $4, AX
	DECQ CX
	JNZ  supersNext
	VZEROUPPER
	RET
