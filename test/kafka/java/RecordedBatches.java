import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.message.LeaderChangeMessage;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.ControlRecordType;
import org.apache.kafka.common.record.internal.EndTransactionMarker;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.record.internal.SimpleRecord;

/**
 * Prints record batches as the Java client writes them (the class that its producer fills), and what the Java client
 * reads of them. It made fixtures/java-batches.json; make-java-batches.mjs runs it.
 */
final class RecordedBatches {
  private static final long NOW = 1_795_680_000_000L;
  private static final long PRODUCER = 4_001L;
  private static final short EPOCH = 3;
  private static final List<String> LINES = new ArrayList<>();

  public static void main(String[] args) throws Exception {
    List<Compression> codecs =
        List.of(
            Compression.NONE,
            Compression.gzip().build(),
            Compression.snappy().build(),
            Compression.lz4().build(),
            Compression.zstd().build());
    // Too large to be kept in the repository; java-client.test.ts asks for them.
    boolean large = args.length > 0 && args[0].equals("large");
    if (large) printLarge(codecs);
    else printAll(codecs);
    System.out.println("[\n" + String.join(",\n", LINES) + "\n]");
  }

  private static void printLarge(List<Compression> codecs) throws Exception {
    for (Compression codec : codecs) {
      print(codec.type().name + ", 900 kB of random bytes", MemoryRecords.withRecords(7, codec, record(random(900_000))));
      SimpleRecord[] mixed = new SimpleRecord[1000];
      for (int index = 0; index < mixed.length; index++)
        mixed[index] = record(index % 2 == 0 ? random(index * 2) : text(index * 2));
      print(codec.type().name + ", 1000 records of both kinds", MemoryRecords.withRecords(7, codec, mixed));
    }
  }

  private static void printAll(List<Compression> codecs) throws Exception {
    for (Compression codec : codecs) {
      String name = codec.type().name;
      print(name + ", 1 record", MemoryRecords.withRecords(7, codec, records(1)));
      print(name + ", 20 kB of random bytes", MemoryRecords.withRecords(7, codec, record(random(20_000))));
      if (codec == Compression.NONE) continue;
      print(name + ", 1000 records", MemoryRecords.withRecords(7, codec, records(1000)));
      print(name + ", a record of 900 kB", MemoryRecords.withRecords(7, codec, record(text(900_000))));
    }
    print("lz4, level 17", MemoryRecords.withRecords(7, Compression.lz4().level(17).build(), records(300)));
    print("zstd, level 22", MemoryRecords.withRecords(7, Compression.zstd().level(22).build(), records(300)));
    printOdd();
    printTransactions();
    printOldFormats();
  }

  private static void printOdd() throws Exception {
    SimpleRecord nothing = new SimpleRecord(-1L, (byte[]) null, (byte[]) null);
    Header[] headers = {
      new RecordHeader("twice", "one".getBytes()),
      new RecordHeader("twice", "two".getBytes()),
      new RecordHeader("empty", new byte[0]),
      new RecordHeader("__proto__", "a name".getBytes()),
      new RecordHeader("", new byte[] {0, (byte) 255})
    };
    SimpleRecord odd = new SimpleRecord(NOW, new byte[] {(byte) 0xff, 0}, new byte[0], headers);
    print("no key, no value, no time", MemoryRecords.withRecords(7, Compression.NONE, nothing));
    print("odd headers", MemoryRecords.withRecords(7, Compression.NONE, odd, record(text(10))));
    SimpleRecord late = new SimpleRecord(9_000_000_000_000_000L, text(3), text(3));
    print("a time that no date has", MemoryRecords.withRecords(7, Compression.NONE, late));
    print(
        "the log's own time",
        MemoryRecords.withRecords(
            (byte) 2, 7, Compression.zstd().build(), TimestampType.LOG_APPEND_TIME, records(3)));
  }

  private static void printTransactions() throws Exception {
    print(
        "in a transaction",
        MemoryRecords.withTransactionalRecords(7, Compression.zstd().build(), PRODUCER, EPOCH, 0, 0, records(3)));
    print(
        "idempotent", MemoryRecords.withIdempotentRecords(7, Compression.NONE, PRODUCER, EPOCH, 0, 0, records(3)));
    print("commit", marker(ControlRecordType.COMMIT));
    print("abort", marker(ControlRecordType.ABORT));
    ByteBuffer buffer = ByteBuffer.allocate(256);
    print("leader change", MemoryRecords.withLeaderChangeMessage(7, NOW, 0, buffer, new LeaderChangeMessage()));
  }

  private static MemoryRecords marker(ControlRecordType type) {
    return MemoryRecords.withEndTransactionMarker(7, NOW, 0, PRODUCER, EPOCH, new EndTransactionMarker(type, 0));
  }

  private static void printOldFormats() throws Exception {
    for (byte magic = 0; magic <= 1; magic++) {
      for (Compression codec :
          List.of(
              Compression.NONE,
              Compression.gzip().build(),
              Compression.snappy().build(),
              Compression.lz4().build())) {
        TimestampType type = magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME;
        String name = "format v" + magic + ", " + codec.type().name;
        print(name, MemoryRecords.withRecords(magic, 7, codec, type, records(magic == 0 ? 20 : 21)));
      }
    }
    print(
        "format v1, the log's own time",
        MemoryRecords.withRecords(
            (byte) 1, 7, Compression.gzip().build(), TimestampType.LOG_APPEND_TIME, records(3)));
  }

  private static SimpleRecord[] records(int count) {
    SimpleRecord[] all = new SimpleRecord[count];
    for (int index = 0; index < count; index++) {
      byte[] value = ("{\"task\":\"task-" + index + "\",\"wave\":" + index % 7 + ",\"state\":\"completed\"}").getBytes();
      all[index] = new SimpleRecord(NOW + index, ("mission/" + index).getBytes(), value);
    }
    return all;
  }

  private static SimpleRecord record(byte[] value) {
    return new SimpleRecord(NOW, "key".getBytes(), value);
  }

  private static byte[] text(int bytes) {
    byte[] all = new byte[bytes];
    for (int index = 0; index < bytes; index++) all[index] = (byte) ('a' + (index / 11 * 7 + index % 13) % 26);
    return all;
  }

  private static byte[] random(int bytes) {
    byte[] all = new byte[bytes];
    new java.util.Random(7).nextBytes(all);
    return all;
  }

  /** One line of JSON: the bytes, and what the Java client reads of them. */
  private static void print(String name, MemoryRecords records) throws Exception {
    ByteBuffer buffer = records.buffer().duplicate();
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    int count = 0;
    long first = -1;
    long last = -1;
    for (Record record : records.records()) {
      digest.update(ByteBuffer.allocate(16).putLong(record.offset()).putLong(record.timestamp()).array());
      update(digest, record.key());
      update(digest, record.value());
      for (Header header : record.headers()) {
        update(digest, ByteBuffer.wrap(header.key().getBytes()));
        update(digest, header.value() == null ? null : ByteBuffer.wrap(header.value()));
      }
      if (count == 0) first = record.offset();
      last = record.offset();
      count++;
    }
    String sha = HexFormat.of().formatHex(digest.digest());
    LINES.add(
        String.format(
            "  {\"name\": \"%s\", \"count\": %d, \"first\": %d, \"last\": %d, \"sha256\": \"%s\", \"bytes\": \"%s\"}",
            name, count, first, last, sha, Base64.getEncoder().encodeToString(bytes)));
  }

  private static void update(MessageDigest digest, ByteBuffer bytes) {
    if (bytes == null) {
      digest.update(ByteBuffer.allocate(4).putInt(-1).array());
      return;
    }
    digest.update(ByteBuffer.allocate(4).putInt(bytes.remaining()).array());
    digest.update(bytes.duplicate());
  }
}
