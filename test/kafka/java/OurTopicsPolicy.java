import java.util.Map;
import org.apache.kafka.common.errors.PolicyViolationException;
import org.apache.kafka.server.policy.CreateTopicPolicy;

/** A create.topic.policy.class.name of a company: no topic whose name begins with "policy" keeps its records forever. */
public class OurTopicsPolicy implements CreateTopicPolicy {
    @Override
    public void configure(Map<String, ?> configs) {}

    @Override
    public void validate(RequestMetadata request) throws PolicyViolationException {
        if (request.topic().startsWith("policy") && "-1".equals(request.configs().get("retention.ms")))
            throw new PolicyViolationException("Topics of this cluster keep records for at most 30 days.");
    }

    @Override
    public void close() {}
}
