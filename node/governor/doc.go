// Package governor decides for each of a rig's cards whether it takes jobs, runs the miner's
// own idle command or rests, by what is left after power (SPEC §8.8). Start at Policy.Decide,
// which is pure: what is known and the time go in, what to do comes out. Governor does it:
// it follows the tariff, the readings and the market, and keeps the idle command's processes.
package governor
