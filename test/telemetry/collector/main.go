// The OpenTelemetry collector that tests send to: its OTLP receiver, the exporter that deploy/collector sends on with,
// and one that writes what it received to a file, one OTLP/JSON request a line. Only what tests need, so that it is
// built soon: a cold build takes 2.5 minutes of one core. The contrib project's file exporter buffers for up to a
// second; this one has written a request before the sender gets its answer, so that a test which was answered can read
// it back.
package main

import (
	"context"
	"errors"
	"log"
	"os"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/otlphttpexporter"
	"go.opentelemetry.io/collector/otelcol"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/service/telemetry"
	"go.uber.org/zap"
)

func main() {
	command := otelcol.NewCommand(otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{Command: "otelcol", Description: "The collector of tests", Version: "0.165.0"},
		Factories: factories,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				ProviderFactories: []confmap.ProviderFactory{envprovider.NewFactory(), fileprovider.NewFactory()},
				DefaultScheme:     "file",
			},
		},
	})
	if err := command.Execute(); err != nil {
		log.Fatal(err)
	}
}

func factories() (otelcol.Factories, error) {
	receivers, err := otelcol.MakeFactoryMap[receiver.Factory](otlpreceiver.NewFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	exporters, err := otelcol.MakeFactoryMap[exporter.Factory](otlphttpexporter.NewFactory(), lineExporterFactory())
	if err != nil {
		return otelcol.Factories{}, err
	}
	return otelcol.Factories{Receivers: receivers, Exporters: exporters, Telemetry: logOnly()}, nil
}

// logOnly is the collector's telemetry about itself: its log on stderr. The usual one also has exporters for metrics
// and traces, whose packages (Kubernetes' client among them) take a fifth of the build.
func logOnly() telemetry.Factory {
	return telemetry.NewFactory(
		func() component.Config { return &struct{}{} },
		telemetry.WithCreateLogger(func(
			context.Context, telemetry.LoggerSettings, component.Config,
		) (*zap.Logger, component.ShutdownFunc, error) {
			logger, err := zap.NewProduction()
			return logger, nil, err
		}),
	)
}

type lineConfig struct {
	Path string `mapstructure:"path"`
}

func (config *lineConfig) Validate() error {
	if config.Path == "" {
		return errors.New("path must name the file that the lines are appended to")
	}
	return nil
}

func lineExporterFactory() exporter.Factory {
	return exporter.NewFactory(
		component.MustNewType("lines"),
		func() component.Config { return &lineConfig{} },
		exporter.WithTraces(func(
			_ context.Context, _ exporter.Settings, config component.Config,
		) (exporter.Traces, error) {
			return &lineExporter{path: config.(*lineConfig).Path}, nil
		}, component.StabilityLevelDevelopment),
		exporter.WithMetrics(func(
			_ context.Context, _ exporter.Settings, config component.Config,
		) (exporter.Metrics, error) {
			return &lineExporter{path: config.(*lineConfig).Path}, nil
		}, component.StabilityLevelDevelopment),
	)
}

// lineExporter appends each request with one write, so that the two signals can share a file.
type lineExporter struct {
	path string
	lock sync.Mutex
	file *os.File
}

func (*lineExporter) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (lines *lineExporter) Start(context.Context, component.Host) error {
	file, err := os.OpenFile(lines.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	lines.file = file
	return err
}

func (lines *lineExporter) Shutdown(context.Context) error {
	if lines.file == nil {
		return nil
	}
	return lines.file.Close()
}

func (lines *lineExporter) ConsumeTraces(_ context.Context, traces ptrace.Traces) error {
	return lines.write((&ptrace.JSONMarshaler{}).MarshalTraces(traces))
}

func (lines *lineExporter) ConsumeMetrics(_ context.Context, metrics pmetric.Metrics) error {
	return lines.write((&pmetric.JSONMarshaler{}).MarshalMetrics(metrics))
}

func (lines *lineExporter) write(line []byte, err error) error {
	if err != nil {
		return err
	}
	lines.lock.Lock()
	defer lines.lock.Unlock()
	_, err = lines.file.Write(append(line, '\n'))
	return err
}
