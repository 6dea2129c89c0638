//! Cases in which the server differs from what this suite wants. Each is checked: one
//! that holds must leave the list.

pub struct Known {
    pub section: &'static str,
    pub what: &'static str,
    /// It holds in some runs.
    pub is_unsteady: bool,
    // For who reads this.
    _why: &'static str,
}

const fn known(section: &'static str, what: &'static str, why: &'static str) -> Known {
    Known { section, what, is_unsteady: false, _why: why }
}

const fn unsteady(known: Known) -> Known {
    Known { is_unsteady: true, ..known }
}

const CODE: &str =
    "h2 says PROTOCOL_ERROR for frames of a wrong size, settings out of range and what HPACK cannot read";
const CONNECTION: &str = "h2 ends the connection where only the stream is wrong";
const STRICT: &str = "the http crate takes fewer bytes than the RFC";
const SILENT: &str = "SETTINGS_TIMEOUT after 10 s";
const ORDER: &str = "the http crate groups repeated fields";
const PRIORITY: &str = "h2 has no priorities";
const BUDGET: &str = "h2's own budget";
const UNCOUNTED: &str = "h2 responds 431 without counting";
const HALF: &str = "h2 takes the end of the client's side for the end of the connection";
const LAX: &str = "h2 lets it through";

pub const KNOWN: &[Known] = &[
    known("6.7", "PING of 6 bytes", CODE),
    known("6.7", "PING of 9 bytes", CODE),
    known("6.8", "GOAWAY of 7 bytes", CODE),
    known("4.3", "a header block that cannot be decompressed", CODE),
    known("4.3", "a header block that ends in the middle of a field", CODE),
    known("4.3.1", "the block of a malformed request counts for the table", CONNECTION),
    known("4.3.1", "trailers of a stream that was reset count for the table", CONNECTION),
    known("8.2", "fields keep their order, repeated ones too", ORDER),
    known("8.2.1", "an upper-case name", CONNECTION),
    known("8.2.1", "an empty name", CONNECTION),
    known("8.2.1", "every byte that no name may have", CONNECTION),
    known("8.2.1", "a colon within a name", CONNECTION),
    known("8.2.1", "NUL in a value", CONNECTION),
    known("8.2.1", "a line feed in a value", CONNECTION),
    known("8.2.1", "a carriage return in a value", CONNECTION),
    known("8.2.1", "a malformed field among 30 requests that are served", CONNECTION),
    known("6.3", "PRIORITY of 4 bytes on an open stream", CONNECTION),
    known("6.3", "PRIORITY of 6 bytes on an open stream", CONNECTION),
    known("6.3", "PRIORITY of 4 bytes on an idle stream", CODE),
    known("6.4", "RST_STREAM of 3 bytes", CODE),
    known("6.4", "RST_STREAM of 5 bytes", CODE),
    known("7541, 2.3.3", "an index beyond both tables", CODE),
    known("7541, 2.3.3", "an index beyond both tables for a name", CODE),
    known("7541, 2.3.3", "an index beyond the newest entries", CODE),
    known("7541, 4.2", "a size update behind a field", CODE),
    known("7541, 4.3", "a size of 0 empties the table", CODE),
    known("7541, 4.4", "an entry larger than the table empties it", CODE),
    known("7541, 4.4", "an entry that was evicted", CODE),
    known("7541, 5.1", "an integer without an end", CODE),
    known("7541, 5.1", "a length beyond 64 bits", CODE),
    known("7541, 5.2", "Huffman padding of more than 7 bits", CODE),
    known("7541, 5.2", "Huffman padding with zeros", CODE),
    known("7541, 5.2", "Huffman coding with EOS in it", CODE),
    known("7541, 5.2", "a string longer than its block", CODE),
    known("7541, 6.1", "index 0", CODE),
    known("7541, 6.2.2", "without indexing nothing enters the table", CODE),
    known("7541, 6.2.3", "never indexed: nothing enters the table", CODE),
    known("7541, 6.3", "a size above what SETTINGS allow", CODE),
    known("8.1", "DATA behind trailers", CONNECTION),
    known("8.1", "pseudo-header fields in trailers", LAX),
    known("8.1", "a field name in upper case in trailers", CONNECTION),
    known("8.1", "a line feed in a value of trailers", CONNECTION),
    known("8.1", "a client that closes its sending side gets its responses", HALF),
    known("8.1.1", "content-length that is no number", LAX),
    known("6.5", "an acknowledgement with a payload", CODE),
    known("6.5", "an acknowledgement of nothing", CONNECTION),
    known("6.5", "SETTINGS of 5 bytes", CODE),
    known("6.5", "SETTINGS of 7 bytes", CODE),
    known("6.5.2", "INITIAL_WINDOW_SIZE of 2^31", CODE),
    known("9218, 2.1", "NO_RFC7540_PRIORITIES of 2", PRIORITY),
    known("9218, 2.1", "the server says that it ignores the priorities of RFC 7540", PRIORITY),
    known("5.1", "half-closed: DATA", CONNECTION),
    known("5.1", "half-closed: HEADERS", CONNECTION),
    known("5.1", "reset by the server: DATA, trailers, WINDOW_UPDATE, RST_STREAM", CONNECTION),
    known("5.1", "reset by the server: more DATA than the connection's window", CONNECTION),
    known("5.4.1", "the connection ends with the error's GOAWAY", CODE),
    known("8.3", "an unknown pseudo-header field", CONNECTION),
    known("8.3", "a pseudo-header field with no name", CONNECTION),
    known("8.3.1", "what some call unsafe in :path", STRICT),
    known("8.3.1", "bytes that are not UTF-8 in :path and query", CONNECTION),
    known("8.3.1", "a method with a space", CONNECTION),
    known("8.3.1", "an empty method", CONNECTION),
    known("8.3.1", "a percent-encoded name as :authority", STRICT),
    known("6.9", "an increment of 0 for a stream", CONNECTION),
    known("6.9", "WINDOW_UPDATE of 3 bytes", CODE),
    known("6.9", "WINDOW_UPDATE of 5 bytes on a stream", CODE),
    known("6.9.2", "an initial window of 2^31", CODE),
    known("3.4", "a first frame that is not SETTINGS", SILENT),
    known("3.4", "a first frame that acknowledges SETTINGS", SILENT),
    known("9218, 4.1", "the more urgent response is sent first", PRIORITY),
    known("9218, 4.1", "no priority field is an urgency of 3", PRIORITY),
    known("9218, 4.1", "less urgent than one without a priority field", PRIORITY),
    known("9218, 4.2", "equally urgent responses one after the other", PRIORITY),
    known("9218, 7.1", "PRIORITY_UPDATE while the responses are under way", PRIORITY),
    known("9218, 7.1", "PRIORITY_UPDATE before the request, which counts more than its field", PRIORITY),
    known("9218, 7.1", "the last of several PRIORITY_UPDATE frames counts", PRIORITY),
    known("9218, 7.1", "PRIORITY_UPDATE on a stream", PRIORITY),
    known("9218, 7.1", "PRIORITY_UPDATE of stream 0", PRIORITY),
    known("9218, 7.1", "PRIORITY_UPDATE of 3 bytes", PRIORITY),
    known("10.5", "streams above the limit are refused, and cost nothing", BUDGET),
    known("10.5", "streams that were reset count as long as their handlers work", BUDGET),
    known("10.5", "malformed requests", CONNECTION),
    unsteady(known("10.5", "requests with a header list above the limit", UNCOUNTED)),
    known("10.5", "window updates of 0", CONNECTION),
    known("10.5", "DATA on half-closed streams", CONNECTION),
    known("10.5", "PRIORITY frames of a wrong length", CONNECTION),
    known("10.5", "acknowledgements of no SETTINGS", CODE),
    unsteady(known("10.5", "honest: 5,000 pieces of 20 bytes, the echo of which is read late", BUDGET)),
    known("10.5", "honest: one malformed request in a hundred", CONNECTION),
];
