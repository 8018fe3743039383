// Command gatehouse puts sign-in, tool rules, live sessions and an audit log in front of MCP servers.
package main

import (
	"os"

	"gatehouse/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv))
}
