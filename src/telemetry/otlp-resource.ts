/** Who sends: the attributes of everything that this process sends by OTLP. */
import { detectResources, envDetector, resourceFromAttributes, type Resource } from '@opentelemetry/resources';

export interface OtlpSender {
  /** Of Ravenhelm. */
  readonly version: string;
  /** Tells this process from the others of the swarm. */
  readonly processName: string;
  /** Default ravenhelm. */
  readonly serviceName?: string;
}

/** OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES go before. */
export function otlpResource({ version, processName, serviceName = 'ravenhelm' }: OtlpSender): Resource {
  return resourceFromAttributes({
    'service.name': serviceName,
    'service.version': version,
    'service.instance.id': processName,
  }).merge(detectResources({ detectors: [envDetector] }));
}
