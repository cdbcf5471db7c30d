// Package bindings encodes calls to the Rerig contracts and decodes what they
// answer: the Go face of contracts/src, whose IEscrow.sol is the reference for
// what each call does, its units and its errors. SPEC §7 is the contracts' side of
// the protocol.
//
// Everything else in the package is generated from the artifacts by
// `make contracts`; start at [NewEscrow]. Only node/settle, testnet and tests
// import it.
package bindings
