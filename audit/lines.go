package audit

import (
	"bufio"
	"errors"
	"io"
)

// lineReader reads a file line by line, whatever it holds, in bounded memory.
type lineReader struct {
	r    *bufio.Reader
	line []byte
	at   int64 // offset of line
	next int64
	torn bool // line has no newline: it is the last one and cut, or still being written
	long bool // line is longer than any of ours; the rest of it was skipped
}

func newLineReader(r io.Reader) *lineReader { return &lineReader{r: bufio.NewReaderSize(r, 4*maxLine)} }

// read moves to the next line; io.EOF after the last. The line has no newline and is valid until the next call.
func (l *lineReader) read() error {
	l.at, l.torn, l.long = l.next, false, false
	line, err := l.r.ReadSlice('\n')
	l.next += int64(len(line))
	if errors.Is(err, bufio.ErrBufferFull) {
		l.long = true
		l.line = append(l.line[:0], line[:maxLine]...)
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = l.r.ReadSlice('\n')
			l.next += int64(len(line))
		}
		l.torn = err != nil
		if err != nil && err != io.EOF {
			return err
		}
		return nil
	}
	switch {
	case err == io.EOF && len(line) > 0:
		l.torn = true
	case err != nil:
		return err
	default:
		line = line[:len(line)-1]
	}
	l.line = line
	return nil
}
