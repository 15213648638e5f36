//! The protocol's frames. tower-lsp stops reading for good at the first message that it cannot read; what is no message
//! is left out here, before it gets there.

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tower_lsp::jsonrpc::{Request, Response};

/// Copies messages until the input ends; calls `left_out` for each that cannot be read.
pub(crate) async fn copy(input: impl AsyncRead + Unpin, mut output: impl AsyncWrite + Unpin, left_out: impl Fn()) {
    let mut input = BufReader::new(input);
    while let Some(frame) = next(&mut input).await {
        match frame {
            Frame::Message(body) => {
                let header = format!("Content-Length: {}\r\n\r\n", body.len());
                let sent = async {
                    output.write_all(header.as_bytes()).await?;
                    output.write_all(&body).await
                };
                if sent.await.is_err() {
                    return;
                }
            }
            Frame::Unreadable => left_out(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Frame {
    Message(Vec<u8>),
    Unreadable,
}

/// The next frame; `None` at the end.
async fn next(input: &mut (impl AsyncBufRead + Unpin)) -> Option<Frame> {
    let mut length: Option<u64> = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line).await.ok()? == 0 {
            return None;
        }
        let header = String::from_utf8_lossy(&line);
        match header.trim().split_once(':') {
            Some((name, value)) if name.eq_ignore_ascii_case("Content-Length") => length = value.trim().parse().ok(),
            None if header.trim().is_empty() => break,
            _ => {}
        }
    }
    let Some(length) = length else {
        return Some(Frame::Unreadable);
    };
    let mut body = Vec::new();
    // Grows with what comes, so that a wrong length takes no memory.
    input.take(length).read_to_end(&mut body).await.ok()?;
    Some(if is_message(&body) {
        Frame::Message(body)
    } else {
        Frame::Unreadable
    })
}

fn is_message(body: &[u8]) -> bool {
    serde_json::from_slice::<Request>(body).is_ok() || serde_json::from_slice::<Response>(body).is_ok()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn what_is_no_message_is_left_out() {
        let message = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let frame = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
        let input = [
            frame("{"),
            "Content-Length: x\r\n\r\n".to_owned(),
            frame("[]"),
            format!(
                "content-length: {}\r\nContent-Type: a; charset=utf8\r\n\r\n{message}",
                message.len()
            ),
            frame(r#"{"jsonrpc":"2.0","id":1,"result":null}"#),
            frame("null"),
            "Content-Length: 99999999999\r\n\r\n{".to_owned(),
        ]
        .concat();
        let mut output = Vec::new();
        let left_out = Cell::new(0);
        copy(input.as_bytes(), &mut output, || left_out.set(left_out.get() + 1)).await;
        let wanted = frame(message) + &frame(r#"{"jsonrpc":"2.0","id":1,"result":null}"#);
        assert_eq!(String::from_utf8_lossy(&output), wanted);
        assert_eq!(left_out.get(), 5);
    }
}
