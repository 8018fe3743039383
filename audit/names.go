package audit

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

const nameTime = "20060102T150405Z"

// stem and suffix of a log path: rotated files are STEM-FIRST-LAST-TIME.SUFFIX beside it.
func splitPath(path string) (stem, suffix string) {
	suffix = filepath.Ext(path)
	return strings.TrimSuffix(path, suffix), suffix
}

// rotatedPath is the name of a finished file. The numbers are padded, so that ls sorts them as the chain does.
func rotatedPath(path string, first, last uint64, at time.Time) string {
	stem, suffix := splitPath(path)
	return fmt.Sprintf("%s-%012d-%012d-%s%s", stem, first, last, at.UTC().Format(nameTime), suffix)
}

// tornPath is where bytes go that are no lines of ours.
func tornPath(path string, at time.Time) string {
	stem, _ := splitPath(path)
	return stem + ".torn-" + at.UTC().Format("20060102T150405.000000Z")
}

// publicPath is where the public key stands that proves the checkpoints.
func publicPath(path string) string {
	stem, _ := splitPath(path)
	return stem + ".pub"
}

// rotated is a finished file.
type rotated struct {
	path        string
	first, last uint64
	at          time.Time
}

// rotatedFiles lists the finished files of a log in the order of the chain.
func rotatedFiles(path string) ([]rotated, error) {
	stem, suffix := splitPath(path)
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	var list []rotated
	for _, e := range entries {
		name, ok1 := strings.CutPrefix(e.Name(), filepath.Base(stem)+"-")
		name, ok2 := strings.CutSuffix(name, suffix)
		part := strings.Split(name, "-")
		if !ok1 || !ok2 || len(part) != 3 || !e.Type().IsRegular() {
			continue
		}
		first, err1 := strconv.ParseUint(part[0], 10, 64)
		last, err2 := strconv.ParseUint(part[1], 10, 64)
		at, err3 := time.Parse(nameTime, part[2])
		if err1 == nil && err2 == nil && err3 == nil {
			list = append(list, rotated{filepath.Join(filepath.Dir(path), e.Name()), first, last, at})
		}
	}
	sort.Slice(list, func(i, j int) bool {
		a, b := list[i], list[j]
		if a.first != b.first {
			return a.first < b.first
		}
		return a.last < b.last
	})
	return list, nil
}

// Files lists the files of the log at path in the order of the chain: the rotated ones, then the current one if it exists.
// It looks twice: a rotation under its eyes would hide a file that has neither its old nor its new name yet.
func Files(path string) ([]string, error) {
	var files []string
	for range 10 {
		before, err := rotatedFiles(path)
		if err != nil {
			return nil, fmt.Errorf("list audit files: %w", err)
		}
		_, missing := os.Stat(path)
		after, err := rotatedFiles(path)
		if err != nil {
			return nil, fmt.Errorf("list audit files: %w", err)
		}
		files = files[:0]
		for _, r := range after {
			files = append(files, r.path)
		}
		if missing == nil {
			files = append(files, path)
			if slices.Equal(before, after) {
				break
			}
		}
	}
	return files, nil
}
