// Command gatehouse puts sign-in, tool rules, live sessions and an audit log in front of MCP servers.
package main

import (
	_ "embed"
	"os"

	"gatehouse/cli"
)

// sample is the commented example, which `gatehouse demo` loads. Only here can it be embedded.
//
//go:embed oauth2_config.yaml
var sample []byte

func main() {
	cli.Sample = sample
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
