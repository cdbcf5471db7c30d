#include "textflag.h"

// Masks and small constants.
DATA consts<>+0(SB)/4, $0x00010001 // 1 in words
DATA consts<>+4(SB)/4, $0x7fffffff // all but the sign
DATA consts<>+8(SB)/4, $0x42fe0000 // 127
DATA consts<>+12(SB)/4, $0xc2fe0000 // -127
DATA consts<>+16(SB)/4, $0x3f800000 // 1
DATA consts<>+20(SB)/4, $0x01010101 // 1 in bytes
GLOBL consts<>(SB), RODATA|NOPTR, $24

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

// func blocksOf(quants *int8, scales *float32, shifts *int32, x *float32, blocks int)
TEXT ·blocksOf(SB), NOSPLIT, $0-40
	MOVQ quants+0(FP), DI
	MOVQ scales+8(FP), AX
	MOVQ shifts+16(FP), BX
	MOVQ x+24(FP), SI
	MOVQ blocks+32(FP), CX
	VPBROADCASTD consts<>+4(SB), Y15
	VMOVSS consts<>+8(SB), X14
	VPBROADCASTD consts<>+0(SB), Y11
	VPBROADCASTD consts<>+20(SB), Y10
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
	VPSLLD $3, X1, X1
	VPXOR X7, X7, X7
	VPSUBD X1, X7, X7
	VMOVD X7, (BX)
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
	VMOVSS consts<>+12(SB), X14
	VMOVSS consts<>+16(SB), X13
	VPBROADCASTD consts<>+0(SB), Y11
	VPBROADCASTD consts<>+20(SB), Y10
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
