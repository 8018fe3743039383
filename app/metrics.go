package app

import (
	"net/http"
	"sync"
	"time"

	"gatehouse/audit"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the figures at metrics.listen, on a registry of our own. The names are documented in doc/metrics.md. No
// label comes from a caller: proxies and outcomes only.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	reloads  *prometheus.CounterVec
	loaded   prometheus.Gauge
	loadedAt prometheus.Gauge
}

// readings are asked when the metrics are scraped, so that nothing is counted twice.
type readings struct {
	sessions, streams, auditDropped, auditOK func() float64
}

func newMetrics(r readings) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_requests_total", Help: "Requests to proxies by proxy and outcome (allowed, denied, error).",
		}, []string{"proxy", "outcome"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "gatehouse_request_seconds", Help: "Time from a request's arrival to the end of its answer, without streams.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30, 300},
		}, []string{"proxy"}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gatehouse_config_reloads_total", Help: "Configurations tried, by result (applied, refused, unchanged).",
		}, []string{"result"}),
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_config_last_reload_success", Help: "1 when the file on disk is the configuration in force.",
		}),
		loadedAt: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "gatehouse_config_last_reload_success_timestamp_seconds", Help: "When the configuration in force was applied.",
		}),
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	m.registry.MustRegister(m.requests, m.seconds, m.reloads, m.loaded, m.loadedAt,
		gauge("gatehouse_sessions", "Live sessions in memory; idle ones wait in the store.", r.sessions),
		gauge("gatehouse_streams", "Open streams.", r.streams),
		gauge("gatehouse_audit_ok", "1 while the audit log can be written.", r.auditOK),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "gatehouse_audit_dropped_total", Help: "Audit lines lost while on_failure is allow."}, r.auditDropped),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// proxyMetrics count the requests to one proxy. They are proxy's Observer. The series are looked up once, when the first
// request is counted: a configuration that is only tried makes none.
type proxyMetrics struct {
	all *metrics

	once                   sync.Once // fills what follows
	allowed, denied, error prometheus.Counter
	seconds                prometheus.Observer
}

// Observe counts one request.
func (m *proxyMetrics) Observe(proxy, outcome string, took time.Duration, stream bool) {
	m.once.Do(func() {
		of := func(outcome string) prometheus.Counter { return m.all.requests.WithLabelValues(proxy, outcome) }
		m.allowed, m.denied, m.error = of(audit.Allowed), of(audit.Denied), of(audit.Error)
		m.seconds = m.all.seconds.WithLabelValues(proxy)
	})
	switch outcome {
	case audit.Allowed:
		m.allowed.Inc()
	case audit.Denied:
		m.denied.Inc()
	default:
		m.error.Inc()
	}
	if !stream {
		m.seconds.Observe(took.Seconds())
	}
}

func (m *metrics) reload(result string, now time.Time) {
	m.reloads.WithLabelValues(result).Inc()
	switch result {
	case "applied":
		m.loaded.Set(1)
		m.loadedAt.Set(float64(now.Unix()))
	case "refused":
		m.loaded.Set(0)
	default:
		m.loaded.Set(1)
	}
}

// handler answers GET /metrics. Where it listens on loopback it is asked under a loopback name: a web page that rebinds
// its own name to this machine learns nothing (HX-07).
func (m *metrics) handler(listen string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	if !loopbackName(hostName(listen)) {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !(hosts{}).admit(hostName(r.Host)) {
			http.Error(w, "this host is not configured", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
