#include "textflag.h"
#include "sum_amd64.h"

// func scoresF16(out, query *float32, keys *uint16, stride, width, n int)
TEXT ·scoresF16(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), AX
	MOVQ query+8(FP), SI
	MOVQ keys+16(FP), DI
	MOVQ stride+24(FP), DX
	MOVQ width+32(FP), BX
	MOVQ n+40(FP), CX
	ADDQ DX, DX
scoreKey:
	MOVQ DI, R8
	MOVQ SI, R10
	MOVQ BX, R9
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	SUBQ $16, R9
	JLT  scoreFew
scoreMany:
	VCVTPH2PS (R8), Y4
	VCVTPH2PS 16(R8), Y5
	VFMADD231PS (R10), Y4, Y0
	VFMADD231PS 32(R10), Y5, Y1
	ADDQ $32, R8
	ADDQ $64, R10
	SUBQ $16, R9
	JGE  scoreMany
scoreFew:
	ADDQ $16, R9
	JZ   scoreEnd
	VCVTPH2PS (R8), Y4
	VFMADD231PS (R10), Y4, Y0
scoreEnd:
	VADDPS Y1, Y0, Y0
	SUM
	VMOVSS X0, (AX)
	ADDQ $4, AX
	ADDQ DX, DI
	DECQ CX
	JNZ  scoreKey
	VZEROUPPER
	RET

// func mixF16(out, weights *float32, values *uint16, stride, width, n int)
// 64 numbers of the result stay in registers while all values pass, then 8.
TEXT ·mixF16(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), AX
	MOVQ weights+8(FP), SI
	MOVQ values+16(FP), DI
	MOVQ stride+24(FP), DX
	MOVQ width+32(FP), BX
	MOVQ n+40(FP), CX
	ADDQ DX, DX
	SUBQ $64, BX
	JLT  mixFew
mixWide:
	VMOVUPS (AX), Y0
	VMOVUPS 32(AX), Y1
	VMOVUPS 64(AX), Y2
	VMOVUPS 96(AX), Y3
	VMOVUPS 128(AX), Y4
	VMOVUPS 160(AX), Y5
	VMOVUPS 192(AX), Y6
	VMOVUPS 224(AX), Y7
	MOVQ DI, R8
	MOVQ SI, R9
	MOVQ CX, R10
mixValue:
	VBROADCASTSS (R9), Y8
	VCVTPH2PS (R8), Y9
	VCVTPH2PS 16(R8), Y10
	VCVTPH2PS 32(R8), Y11
	VCVTPH2PS 48(R8), Y12
	VFMADD231PS Y9, Y8, Y0
	VFMADD231PS Y10, Y8, Y1
	VFMADD231PS Y11, Y8, Y2
	VFMADD231PS Y12, Y8, Y3
	VCVTPH2PS 64(R8), Y9
	VCVTPH2PS 80(R8), Y10
	VCVTPH2PS 96(R8), Y11
	VCVTPH2PS 112(R8), Y12
	VFMADD231PS Y9, Y8, Y4
	VFMADD231PS Y10, Y8, Y5
	VFMADD231PS Y11, Y8, Y6
	VFMADD231PS Y12, Y8, Y7
	ADDQ DX, R8
	ADDQ $4, R9
	DECQ R10
	JNZ  mixValue
	VMOVUPS Y0, (AX)
	VMOVUPS Y1, 32(AX)
	VMOVUPS Y2, 64(AX)
	VMOVUPS Y3, 96(AX)
	VMOVUPS Y4, 128(AX)
	VMOVUPS Y5, 160(AX)
	VMOVUPS Y6, 192(AX)
	VMOVUPS Y7, 224(AX)
	ADDQ $256, AX
	ADDQ $128, DI
	SUBQ $64, BX
	JGE  mixWide
mixFew:
	ADDQ $64, BX
	JZ   mixEnd
mixNarrow:
	VMOVUPS (AX), Y0
	MOVQ DI, R8
	MOVQ SI, R9
	MOVQ CX, R10
mixOne:
	VBROADCASTSS (R9), Y8
	VCVTPH2PS (R8), Y9
	VFMADD231PS Y9, Y8, Y0
	ADDQ DX, R8
	ADDQ $4, R9
	DECQ R10
	JNZ  mixOne
	VMOVUPS Y0, (AX)
	ADDQ $32, AX
	ADDQ $16, DI
	SUBQ $8, BX
	JNZ  mixNarrow
mixEnd:
	VZEROUPPER
	RET

// func halves(out *uint16, x *float32, n int)
TEXT ·halves(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
halvesNext:
	VMOVUPS (SI), Y0
	VCVTPS2PH $0, Y0, (DI)
	ADDQ $32, SI
	ADDQ $16, DI
	SUBQ $8, CX
	JNZ  halvesNext
	VZEROUPPER
	RET

// Constants of the exponential: the bounds between which the
// result is a normal number, log2 e, ln 2 in two parts, the Taylor coefficients
// 1/6! to 1/2!, and 1.
GLOBL expTable<>(SB), RODATA|NOPTR, $48
DATA expTable<>+0(SB)/4, $0xc2ae0000 // -87
DATA expTable<>+4(SB)/4, $0x42b00000 // 88
DATA expTable<>+8(SB)/4, $0x3fb8aa3b // log2 e
DATA expTable<>+12(SB)/4, $0x3f318000 // ln 2, high
DATA expTable<>+16(SB)/4, $0xb95e8083 // ln 2, low
DATA expTable<>+20(SB)/4, $0x3ab60b61 // 1/720
DATA expTable<>+24(SB)/4, $0x3c088889 // 1/120
DATA expTable<>+28(SB)/4, $0x3d2aaaab // 1/24
DATA expTable<>+32(SB)/4, $0x3e2aaaab // 1/6
DATA expTable<>+36(SB)/4, $0x3f000000 // 1/2
DATA expTable<>+40(SB)/4, $0x3f800000 // 1
DATA expTable<>+44(SB)/4, $0x80000000 // the sign

#define EXPLOAD \
	VBROADCASTSS expTable<>+0(SB), Y15  \
	VBROADCASTSS expTable<>+4(SB), Y14  \
	VBROADCASTSS expTable<>+8(SB), Y13  \
	VBROADCASTSS expTable<>+12(SB), Y12 \
	VBROADCASTSS expTable<>+16(SB), Y11 \
	VBROADCASTSS expTable<>+20(SB), Y10 \
	VBROADCASTSS expTable<>+24(SB), Y9  \
	VBROADCASTSS expTable<>+28(SB), Y8  \
	VBROADCASTSS expTable<>+32(SB), Y7  \
	VBROADCASTSS expTable<>+36(SB), Y6  \
	VBROADCASTSS expTable<>+40(SB), Y5

// Y0 becomes e to the Y0; Y1 and Y2 are lost. e^x = 2^n e^r with |r| <= ln 2 / 2.
#define EXP \
	VMAXPS Y15, Y0, Y0        \
	VMINPS Y14, Y0, Y0        \
	VMULPS Y13, Y0, Y1        \
	VROUNDPS $0, Y1, Y1       \
	VFNMADD231PS Y12, Y1, Y0  \
	VFNMADD231PS Y11, Y1, Y0  \
	VMOVAPS Y10, Y2           \
	VFMADD213PS Y9, Y0, Y2    \
	VFMADD213PS Y8, Y0, Y2    \
	VFMADD213PS Y7, Y0, Y2    \
	VFMADD213PS Y6, Y0, Y2    \
	VFMADD213PS Y5, Y0, Y2    \
	VFMADD213PS Y5, Y0, Y2    \
	VCVTPS2DQ Y1, Y1          \
	VPSLLD $23, Y1, Y1        \
	VPADDD Y1, Y2, Y0

// func exps(x *float32, n int, offset float32) float32
TEXT ·exps(SB), NOSPLIT, $0-28
	MOVQ x+0(FP), SI
	MOVQ n+8(FP), CX
	VBROADCASTSS offset+16(FP), Y4
	EXPLOAD
	VXORPS Y3, Y3, Y3
expsNext:
	VMOVUPS (SI), Y0
	VSUBPS Y4, Y0, Y0
	EXP
	VMOVUPS Y0, (SI)
	VADDPS Y0, Y3, Y3
	ADDQ $32, SI
	SUBQ $8, CX
	JNZ  expsNext
	VMOVAPS Y3, Y0
	SUM
	VMOVSS X0, ret+24(FP)
	VZEROUPPER
	RET

// func gate(out, up *float32, n int)
TEXT ·gate(SB), NOSPLIT, $0-24
	MOVQ out+0(FP), DI
	MOVQ up+8(FP), SI
	MOVQ n+16(FP), CX
	EXPLOAD
	VBROADCASTSS expTable<>+44(SB), Y4
gateNext:
	VMOVUPS (DI), Y3
	VXORPS Y4, Y3, Y0
	EXP
	VADDPS Y5, Y0, Y0
	VDIVPS Y0, Y3, Y0
	VMULPS (SI), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ $32, SI
	ADDQ $32, DI
	SUBQ $8, CX
	JNZ  gateNext
	VZEROUPPER
	RET
