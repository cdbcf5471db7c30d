//go:build !linux

package main

// dropStartup does nothing here.
func dropStartup() {}
