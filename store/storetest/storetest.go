// Package storetest is what every store must pass.
package storetest

import (
	"testing"

	"gatehouse/store"
)

// Run runs the suite; open gives an empty store that ends with its test.
func Run(t *testing.T, open func(t *testing.T) *store.Store) {}
