//! The streams of blocks: JSON objects one after the other in a body that does not end.

use super::{BlockHeader, ClientError, Request};
use futures::Stream;
use futures::stream::BoxStream;
use reqwest::Response;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

/// Block headers as the rollup node sends them. Ends after the first error.
pub struct BlockStream {
    items: BoxStream<'static, Result<BlockHeader, ClientError>>,
}

impl BlockStream {
    pub(super) async fn open(request: Request<'_>) -> Result<Self, ClientError> {
        let timeout_ms = request.node.config.request_timeout_ms;
        let answer = tokio::time::timeout(Duration::from_millis(timeout_ms), request.send());
        let response = answer.await.map_err(|_| request.late(timeout_ms))??;
        let reader = Reader {
            response,
            request: request.name(),
            timeout_ms: request.node.config.stream_timeout_ms,
            pieces: Pieces::new(request.node.config.answer_bytes_max),
            ready: VecDeque::new(),
        };
        let items = futures::stream::try_unfold(reader, |mut reader| async move {
            Ok(reader.next().await?.map(|header| (header, reader)))
        });
        Ok(Self { items: Box::pin(items) })
    }
}

impl Stream for BlockStream {
    type Item = Result<BlockHeader, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.items.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for BlockStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BlockStream")
    }
}

struct Reader {
    response: Response,
    request: String,
    timeout_ms: u64,
    pieces: Pieces,
    ready: VecDeque<BlockHeader>,
}

impl Reader {
    /// The next header, or `None` when the node has closed the stream.
    async fn next(&mut self) -> Result<Option<BlockHeader>, ClientError> {
        loop {
            if let Some(header) = self.ready.pop_front() {
                return Ok(Some(header));
            }
            let next = tokio::time::timeout(Duration::from_millis(self.timeout_ms), self.response.chunk());
            let piece = match next.await {
                Err(_) => {
                    return Err(ClientError::Timeout {
                        request: self.request.clone(),
                        timeout_ms: self.timeout_ms,
                    });
                }
                Ok(Err(error)) => {
                    return Err(ClientError::Refused {
                        request: self.request.clone(),
                        cause: super::innermost(&error),
                    });
                }
                Ok(Ok(None)) => return self.end(),
                Ok(Ok(Some(piece))) => piece,
            };
            match self.pieces.push(&piece) {
                Ok(headers) => self.ready.extend(headers),
                Err(PieceError::TooLarge(limit_bytes)) => {
                    return Err(ClientError::TooLarge { request: self.request.clone(), limit_bytes });
                }
                Err(PieceError::Json(cause)) => {
                    return Err(ClientError::Decoding { request: self.request.clone(), cause });
                }
            }
        }
    }

    fn end(&self) -> Result<Option<BlockHeader>, ClientError> {
        if self.pieces.is_empty() {
            return Ok(None);
        }
        let cause = "the stream ended in the middle of an item".to_owned();
        Err(ClientError::Decoding { request: self.request.clone(), cause })
    }
}

enum PieceError {
    TooLarge(usize),
    Json(String),
}

/// Cuts a sequence of bytes, arriving in any pieces, into JSON values.
struct Pieces {
    unfinished: Vec<u8>,
    limit_bytes: usize,
}

impl Pieces {
    fn new(limit_bytes: usize) -> Self {
        Self { unfinished: Vec::new(), limit_bytes }
    }

    fn is_empty(&self) -> bool {
        self.unfinished.iter().all(u8::is_ascii_whitespace)
    }

    fn push(&mut self, piece: &[u8]) -> Result<Vec<BlockHeader>, PieceError> {
        self.unfinished.extend_from_slice(piece);
        let mut values = serde_json::Deserializer::from_slice(&self.unfinished).into_iter::<BlockHeader>();
        let mut headers = Vec::new();
        let mut consumed = 0;
        while let Some(value) = values.next() {
            match value {
                Ok(header) => headers.push(header),
                Err(error) if error.is_eof() => break,
                Err(error) => return Err(PieceError::Json(error.to_string())),
            }
            consumed = values.byte_offset();
        }
        self.unfinished.drain(..consumed);
        if self.unfinished.len() > self.limit_bytes {
            return Err(PieceError::TooLarge(self.limit_bytes));
        }
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommitmentHash, InboxHash, InboxWitness, L1BlockHash};
    use millrace_primitives::L1Level;

    fn header(level: u32) -> BlockHeader {
        BlockHeader {
            block_hash: L1BlockHash::new([1; 32]),
            level: L1Level::new(level),
            predecessor: L1BlockHash::new([2; 32]),
            commitment_hash: None,
            previous_commitment_hash: CommitmentHash::new([3; 32]),
            inbox_witness: InboxWitness::new([4; 32]),
            inbox_hash: InboxHash::new([5; 32]),
            initial_tick: "0".into(),
            num_ticks: "1".into(),
            pvm_status: None,
        }
    }

    #[test]
    fn headers_are_found_however_the_bytes_are_cut() {
        let expected: Vec<_> = (1..4).map(header).collect();
        for separator in ["", "\n", " \r\n"] {
            let bytes: String =
                expected.iter().map(|h| serde_json::to_string(h).unwrap() + separator).collect();
            for size in [1, 2, 3, 7, 100, bytes.len()] {
                let mut pieces = Pieces::new(10_000);
                let mut found = Vec::new();
                for piece in bytes.as_bytes().chunks(size) {
                    found.extend(pieces.push(piece).ok().expect("valid JSON"));
                }
                assert_eq!(found, expected, "cut every {size} bytes, separator {separator:?}");
                assert!(pieces.is_empty());
            }
        }
    }

    #[test]
    fn nonsense_and_endless_items_are_refused() {
        assert!(matches!(Pieces::new(100).push(b"{\"level\": \"x\"}"), Err(PieceError::Json(_))));
        assert!(matches!(Pieces::new(100).push(b"]"), Err(PieceError::Json(_))));
        let mut pieces = Pieces::new(100);
        let endless = [b"{\"block_hash\":\"".as_slice(), &[b'B'; 200]].concat();
        assert!(matches!(pieces.push(&endless), Err(PieceError::TooLarge(100))));
    }
}
