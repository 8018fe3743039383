// Picture draws the text on its standard input as a terminal, in SVG: `make picture` feeds it what the demo prints.
package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"log"
	"math"
	"os"
	"strings"
)

// The size of a cell and the frame around the text, in pixels.
const (
	cellWidth  = 8.4
	lineHeight = 19
	margin     = 20
	titleBar   = 34
	maxLines   = 40
	maxColumns = 120
)

func main() {
	log.SetFlags(0)
	lines, err := read(os.Stdin)
	if err != nil {
		log.Fatalf("picture: %v", err)
	}
	if err := draw(os.Stdout, lines); err != nil {
		log.Fatalf("picture: %v", err)
	}
}

func read(r io.Reader) (lines []string, err error) {
	in := bufio.NewScanner(r)
	for in.Scan() && len(lines) < maxLines {
		line := []rune(strings.ReplaceAll(in.Text(), "\t", "    "))
		if len(line) > maxColumns {
			line = append(line[:maxColumns-1], '…')
		}
		lines = append(lines, string(line))
	}
	return lines, in.Err()
}

func draw(w io.Writer, lines []string) error {
	width := int(math.Ceil(maxColumns*cellWidth)) + 2*margin
	height := titleBar + len(lines)*lineHeight + 2*margin - lineHeight/2
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="gatehouse demo in a terminal">`+"\n", width, height, width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="10" fill="#16191d"/>`+"\n", width, height)
	for i, colour := range []string{"#e5685e", "#e0b040", "#5bb365"} {
		fmt.Fprintf(&b, `<circle cx="%d" cy="17" r="6" fill="%s"/>`+"\n", margin+2+i*20, colour)
	}
	b.WriteString(`<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" fill="#d7dce2">` + "\n")
	for i, line := range lines {
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", margin, titleBar+margin/2+(i+1)*lineHeight-5, colourOf(line), strings.ReplaceAll(html.EscapeString(line), " ", "\u00a0")) // viewers differ in what they do to spaces
	}
	b.WriteString("</g>\n</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// colourOf only adds to what the words say.
func colourOf(line string) string {
	switch {
	case strings.HasPrefix(line, "$ "):
		return "#ffffff"
	case strings.Contains(line, "refused"), strings.Contains(line, "denied"):
		return "#f08c7e"
	case strings.Contains(line, "http://"), strings.Contains(line, "https://"):
		return "#8fc7ff"
	}
	return "#d7dce2"
}
