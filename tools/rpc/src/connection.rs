//! The connections: accepted here rather than by `jsonrpsee`, because a subscription must be able to close its
//! own. Clients notice a closed websocket, connect again and ask for what they missed; most of them ignore a
//! notification that has an error in it.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// How long to wait when the system has no file descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Closes a connection, whatever it is doing. Copies close the same one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Closer(CancellationToken);

impl Closer {
    /// Closes it after a while, in which what was sent before may still arrive.
    pub(crate) fn close_after(self, grace: Duration) {
        tokio::spawn(async move {
            tokio::time::sleep(grace).await;
            self.0.cancel();
        });
    }
}

/// A stream that its [`Closer`] ends from elsewhere. Reading and writing may wait on different tasks: each has
/// its own future to be woken by.
pub(crate) struct Closable<S> {
    stream: S,
    read_closed: Pin<Box<WaitForCancellationFutureOwned>>,
    write_closed: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S> Closable<S> {
    pub(crate) fn new(stream: S, closer: &Closer) -> Self {
        let closed = || Box::pin(closer.0.clone().cancelled_owned());
        Self { stream, read_closed: closed(), write_closed: closed() }
    }
}

fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
}

impl<S: AsyncRead + Unpin> AsyncRead for Closable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read_closed.as_mut().poll(context).is_ready() {
            return closed();
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Closable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.write_closed.as_mut().poll(context).is_ready() {
            return closed();
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.write_closed.as_mut().poll(context).is_ready() {
            return closed();
        }
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.write_closed.as_mut().poll(context).is_ready() {
            return closed();
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Gives each connection to `serve`, with its closer, until `stopped`.
pub(crate) async fn accept(
    listener: TcpListener,
    stopped: impl Future<Output = ()>,
    serve: impl Fn(Closable<tokio::net::TcpStream>, Closer),
) {
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // Small replies must not wait for an acknowledgement. An error says that it is closed already.
                let _ = stream.set_nodelay(true);
                let closer = Closer::default();
                serve(Closable::new(stream, &closer), closer);
            }
            Err(error) => {
                tracing::debug!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_closer_ends_reading_and_writing_that_wait() {
        let closer = Closer::default();
        // Room for one byte, and nobody at the other end takes it.
        let (stream, _other) = tokio::io::duplex(1);
        let (mut reader, mut writer) = tokio::io::split(Closable::new(stream, &closer));
        let read = tokio::spawn(async move { reader.read_u8().await });
        let write = tokio::spawn(async move { writer.write_all(&[0; 2]).await });
        tokio::task::yield_now().await;
        closer.close_after(Duration::ZERO);
        let aborted = io::ErrorKind::ConnectionAborted;
        assert_eq!(read.await.expect("ends").expect_err("closed").kind(), aborted);
        assert_eq!(write.await.expect("ends").expect_err("closed").kind(), aborted);
    }
}
