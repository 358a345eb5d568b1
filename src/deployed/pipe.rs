//! Bytes from a program or a socket that may never come: read in a thread, waited for until a moment and no longer.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Bytes that are read at once, and how many such pieces may wait: what a fast sender can make us hold.
const PIECE: usize = 64 << 10;
const PIECES: usize = 16;

/// The reading end of a thread.
pub(super) struct Pipe {
    // In a mutex because a `Receiver` cannot be shared, and an HTTP client wants what it holds to be.
    pieces: Mutex<Receiver<io::Result<Vec<u8>>>>,
    piece: Vec<u8>,
    start: usize,
    ended: bool,
}

impl Pipe {
    /// Reads what `open` gives in a thread of its own. A thread that waits for ever ends with the process.
    pub(super) fn new<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static) -> Self {
        let (sender, pieces) = sync_channel(PIECES);
        std::thread::spawn(move || match open() {
            Ok(reader) => pump(reader, &sender),
            Err(error) => drop(sender.send(Err(error))),
        });
        Self { pieces: Mutex::new(pieces), piece: Vec::new(), start: 0, ended: false }
    }

    /// Reads what has come, or waits for the next piece; 0 bytes are the end.
    pub(super) fn read(&mut self, into: &mut [u8], wait: Duration) -> io::Result<usize> {
        while self.start == self.piece.len() && !self.ended {
            let pieces = self.pieces.get_mut().map_err(|_| ErrorKind::Other)?;
            match pieces.recv_timeout(wait) {
                Ok(piece) => (self.piece, self.start) = (piece?, 0),
                Err(RecvTimeoutError::Timeout) => return Err(ErrorKind::TimedOut.into()),
                Err(RecvTimeoutError::Disconnected) => self.ended = true,
            }
        }
        let rest = self.piece.get(self.start..).unwrap_or_default();
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        self.start += length;
        Ok(length)
    }

    /// Everything until the end.
    ///
    /// # Errors
    ///
    /// What the system says, [`ErrorKind::TimedOut`] and [`ErrorKind::FileTooLarge`].
    pub(super) fn read_all(&mut self, most: usize, until: Instant) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        let mut piece = vec![0; PIECE];
        loop {
            let wait = until.saturating_duration_since(Instant::now());
            match self.read(&mut piece, wait)? {
                0 => return Ok(all),
                length if all.len() + length > most => return Err(ErrorKind::FileTooLarge.into()),
                length => all.extend_from_slice(&piece[..length]),
            }
            if wait.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }

    /// Whether the other side has closed it.
    pub(super) fn is_closed(&mut self) -> bool {
        if self.start < self.piece.len() || self.ended {
            return self.ended;
        }
        let Ok(pieces) = self.pieces.get_mut() else { return true };
        match pieces.try_recv() {
            Ok(Ok(piece)) => (self.piece, self.start) = (piece, 0),
            Ok(Err(_)) | Err(std::sync::mpsc::TryRecvError::Disconnected) => self.ended = true,
            Err(std::sync::mpsc::TryRecvError::Empty) => {}
        }
        self.ended
    }
}

impl fmt::Debug for Pipe {
    // What flows through it may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pipe")
    }
}

fn pump(mut reader: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    let mut buffer = vec![0; PIECE];
    loop {
        let piece = match reader.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => Ok(buffer[..length].to_vec()),
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = piece.is_err();
        // Nobody reads on: done.
        if sender.send(piece).is_err() || failed {
            return;
        }
    }
}

/// Most of what a program says on standard error that is kept.
const MESSAGES: u64 = 64 << 10;

/// A program that runs; it is ended when this is dropped.
pub(super) struct Program {
    child: Child,
    pub(super) output: Pipe,
    messages: Pipe,
}

impl Program {
    /// Starts a program. What it is sent goes to [`Program::input`].
    pub(super) fn start(command: &mut Command, input: Stdio) -> io::Result<Self> {
        let mut child = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (output, messages) = (child.stdout.take(), child.stderr.take());
        let missing = || io::Error::from(ErrorKind::BrokenPipe);
        Ok(Self {
            child,
            output: Pipe::new(move || output.ok_or_else(missing)),
            // What comes after it is read and dropped, or the program would wait for us.
            messages: Pipe::new(move || Ok(First { reader: messages.ok_or_else(missing)?, left: MESSAGES })),
        })
    }

    /// What it reads.
    pub(super) fn input(&mut self) -> Option<Box<dyn Write + Send + Sync>> {
        self.child.stdin.take().map(|i| Box::new(i) as Box<dyn Write + Send + Sync>)
    }

    /// Waits for its end; whether it succeeded, its exit code, and what it had to say.
    pub(super) fn end(&mut self, until: Instant) -> (Option<i32>, String) {
        let code = loop {
            match self.child.try_wait() {
                Ok(Some(status)) => break status.code(),
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(2)),
                Ok(None) | Err(_) => break None,
            }
        };
        (code, self.messages())
    }

    /// What it has said so far.
    pub(super) fn messages(&mut self) -> String {
        // It has ended or is being ended; a grandchild that holds the pipe open is not waited for.
        let (mut text, mut piece) = (Vec::new(), vec![0; PIECE]);
        while let Ok(length @ 1..) = self.messages.read(&mut piece, Duration::from_millis(200)) {
            text.extend_from_slice(&piece[..length]);
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first bytes of a reader; what follows is read and lost.
struct First<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for First<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let length = self.reader.read(into)?;
            if length == 0 || self.left > 0 {
                self.left = self.left.saturating_sub(length as u64);
                return Ok(length);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_or_endless_program_is_not_waited_for() {
        let soon = || Instant::now() + Duration::from_millis(300);
        let mut silent = Program::start(Command::new("sleep").arg("60"), Stdio::null()).unwrap();
        assert_eq!(silent.output.read_all(10, soon()).unwrap_err().kind(), ErrorKind::TimedOut);
        let mut endless = Program::start(Command::new("yes").arg("x"), Stdio::null()).unwrap();
        let end = endless.output.read_all(1 << 20, Instant::now() + Duration::from_secs(60));
        assert_eq!(end.unwrap_err().kind(), ErrorKind::FileTooLarge);
        let mut shell = Command::new("sh");
        let mut loud =
            Program::start(shell.args(["-c", "yes >&2 | head -c 9 & exit 3"]), Stdio::null()).unwrap();
        let (code, said) = loud.end(Instant::now() + Duration::from_secs(60));
        assert_eq!(code, Some(3));
        assert!(said.len() <= 2 * MESSAGES as usize, "{}", said.len());
    }
}
