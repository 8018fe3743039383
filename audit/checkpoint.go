package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strconv"
	"time"
)

const checkpointEvent = "audit.checkpoint"

// checkpointBody is the line that seals everything before it: number and hash of the last line, signed by a key that
// signs nothing else. Without the key nobody can rewrite the past and have it verify.
func (l *Log) checkpointBody(end chain) []byte {
	enc := encoder{}
	return enc.body(ourEvent(checkpointEvent, "seal", "", map[string]string{
		"seq":  strconv.FormatUint(end.seq, 10),
		"hash": end.hash.String(),
		"key":  keyID(l.public),
		"sig":  base64.StdEncoding.EncodeToString(ed25519.Sign(l.private, checkpointMessage(end))),
	}))
}

func checkpointMessage(end chain) []byte {
	return fmt.Appendf(nil, "gatehouse audit checkpoint v1\n%d\n%s\n", end.seq, end.hash)
}

func keyID(pub ed25519.PublicKey) string {
	h := sha256.Sum256(pub)
	return hex.EncodeToString(h[:8])
}

// sealIfDue appends a checkpoint when the tail has grown long enough, in the same write as the line that filled it.
func (l *Log) sealIfDue(out []byte, end *chain, sealed *uint64, at time.Time) []byte {
	if end.seq-*sealed < uint64(l.o.CheckpointRecords) {
		return out
	}
	out = l.stamp.line(out, end, at, l.checkpointBody(*end))
	*sealed = end.seq
	return out
}

// checkpoint seals what is not sealed yet and syncs it. l.mu is held.
func (l *Log) checkpoint(now time.Time, why string) {
	l.sealedAt = now
	if l.write(nil, now) != nil || l.end.seq == l.sealed {
		return
	}
	end := l.end
	if l.write(l.checkpointBody(end), now) != nil {
		return
	}
	l.sealed = l.end.seq
	if l.syncTo(l.end.seq) != nil {
		return
	}
	// In the journal it is off the file's reach: a log cut back behind it can be told.
	level := slog.LevelDebug
	if why != "periodic" || now.Sub(l.told) >= time.Hour {
		level, l.told = slog.LevelInfo, now
	}
	l.log(level, "audit checkpoint", "seq", end.seq, "hash", end.hash.String(), "why", why)
}
