// Command bench measures what the gate costs, against httputil.ReverseProxy without features, in one interleaved run:
//
//	go run ./bench -check -stage 1
//
// Every proxy is a process of its own, pinned to one core with GOMAXPROCS=1; the load, the upstream and the identity
// provider are this process, on the other core. CPU is read from the proxy's own threads. Ratios within one run are the
// result; absolute figures are printed and never compared between runs. A run with one wrong answer or one missing audit
// line has no result.
package main
