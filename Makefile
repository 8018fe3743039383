.PHONY: build test lint fuzz demo picture

build: ## one static binary
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o gatehouse .

test:
	go test ./...

lint:
	.ci/lint

fuzz: ## a short smoke of every fuzz target
	.ci/fuzz

demo:
	go run . demo

picture: build ## doc/demo.svg, drawn from the demo's own output
	(echo '$$ go run . demo'; timeout --foreground -s INT 20 ./gatehouse demo --no-tui | sed '/^  look/,+1d') | go run ./doc/picture > doc/demo.svg
