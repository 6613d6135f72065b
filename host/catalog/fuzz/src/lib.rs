//! The forms of inputs, and what every error has to be.

/// Longest error without the text of an input, in bytes.
const MAX_ERROR: usize = 1024;

/// Makes a stream of frames of an input. Each part between zero bytes is a frame: its kind as one
/// hexadecimal digit, then the payload. After `r` comes a stream as it is.
pub fn stream(data: &[u8]) -> Vec<u8> {
    if let Some(raw) = data.strip_prefix(b"r") {
        return raw.to_vec();
    }
    let mut stream = Vec::new();
    for part in data.split(|byte| *byte == 0) {
        let Some((kind, payload)) = part.split_first() else {
            continue;
        };
        let digit = char::from(*kind).to_digit(16);
        let kind = digit.map_or(*kind, |digit| u8::try_from(digit).unwrap());
        stream.push(kind);
        stream.extend(u32::try_from(payload.len()).unwrap().to_le_bytes());
        stream.extend(payload);
    }
    stream
}

/// Checks that an error about `input` is one line without control characters, and not much longer
/// than the input.
pub fn check_error(error: &str, input: &[u8]) {
    assert!(!error.is_empty());
    assert!(
        error.len() <= MAX_ERROR + 3 * input.len(),
        "{} bytes",
        error.len()
    );
    assert!(!error.chars().any(char::is_control), "{error:?}");
}
