//! A program that runs: its output as messages, and a way to end it with all it has started.
//!
//! ```text
//! stdout --reader thread--> Step ... Closed { last line }
//! stderr --reader thread--> tail
//! end    --waiter thread--> Exited { status }
//! ```

use std::io::{BufRead, BufReader, Read};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::group;
use super::output::{self, Said};

/// Bytes of a line that are kept.
const LINE_BYTES: usize = 64 * 1024;
/// Bytes at the end of standard error that are kept.
const TAIL_BYTES: usize = 4 * 1024;

/// What a program did; `run` tells its runs apart.
#[derive(Debug)]
pub(super) struct Message {
    /// Number of the start of a program.
    pub run: u64,
    /// What happened.
    pub event: Event,
}

#[derive(Debug)]
pub(super) enum Event {
    /// It printed a value on the way.
    Step(u64, Said),
    /// Its standard output ended; the last line that was not empty.
    Closed(Option<String>),
    /// It ended.
    Exited(Option<ExitStatus>),
}

/// A program that runs. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Child {
    process: Arc<Mutex<Running>>,
    tail: Arc<Mutex<Vec<u8>>>,
    id: u32,
}

#[derive(Debug)]
struct Running {
    process: Process,
    /// Whether it is gone, so that its number may be another's.
    reaped: bool,
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Child {
    /// Starts a program in a process group of its own.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(
        arguments: &[String],
        environment: Vec<(String, String)>,
        run: u64,
        to: &SyncSender<Message>,
    ) -> std::io::Result<Child> {
        let mut command = Command::new(&arguments[0]);
        command.args(&arguments[1..]).envs(environment);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        group::apart(&mut command);
        let mut process = command.spawn()?;
        let id = process.id();
        let stdout = process.stdout.take().expect("it is piped");
        let stderr = process.stderr.take().expect("it is piped");
        let process = Arc::new(Mutex::new(Running { process, reaped: false }));
        let tail = Arc::new(Mutex::new(Vec::new()));
        let child = Child { process, tail, id };
        let (lines, ends, kept) = (to.clone(), to.clone(), Arc::clone(&child.tail));
        let waited = Arc::clone(&child.process);
        // Sending fails only when nobody cares any more.
        thread::spawn(move || tell_lines(stdout, run, &lines));
        thread::spawn(move || keep_tail(stderr, &kept));
        thread::spawn(move || {
            let status = wait(&waited, id);
            let _ = ends.send(Message { run, event: Event::Exited(status) });
        });
        Ok(child)
    }

    /// The number of its process, and of its group.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Asks it and all it has started to end.
    pub fn ask_to_end(&self) {
        self.signal(false);
    }

    /// Ends it and all it has started.
    pub fn end(&self) {
        self.signal(true);
    }

    fn signal(&self, at_once: bool) {
        let mut running = lock(&self.process);
        if !running.reaped {
            group::signal(&mut running.process, at_once);
        }
    }

    /// The end of its standard error, without blank ends.
    pub fn tail(&self) -> String {
        String::from_utf8_lossy(&lock(&self.tail)).trim().to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for the end of a process, then ends what is left of its group; `None` if it cannot be
/// known how it ended.
fn wait(process: &Mutex<Running>, id: u32) -> Option<ExitStatus> {
    group::wait_without_reaping(id, || lock(process).process.try_wait().is_ok_and(|s| s.is_none()));
    // Under the lock, and before the process is reaped: its number is nobody else's yet.
    let mut running = lock(process);
    group::signal(&mut running.process, true);
    let status = running.process.wait().ok();
    running.reaped = true;
    status
}

fn tell_lines(stdout: impl Read, run: u64, to: &SyncSender<Message>) {
    let mut last = None;
    let mut reader = BufReader::new(stdout);
    while let Some(line) = next_line(&mut reader) {
        let text = String::from_utf8_lossy(&line).trim().to_owned();
        if text.is_empty() {
            continue;
        }
        if text.starts_with('{')
            && let Some(said) = output::parse(&text)
            && let Some(step) = said.step
            && to.send(Message { run, event: Event::Step(step, said) }).is_err()
        {
            return;
        }
        last = Some(text);
    }
    let _ = to.send(Message { run, event: Event::Closed(last) });
}

/// The next line, or its first [`LINE_BYTES`]; `None` at the end.
fn next_line(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let buffer = match reader.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return any.then_some(line),
        };
        if buffer.is_empty() {
            return any.then_some(line);
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let n = end.unwrap_or(buffer.len());
        let room = LINE_BYTES.saturating_sub(line.len());
        line.extend_from_slice(&buffer[..n.min(room)]);
        reader.consume(end.map_or(n, |end| end + 1));
        if end.is_some() {
            return Some(line);
        }
    }
}

fn keep_tail(mut stderr: impl Read, tail: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    loop {
        let n = match stderr.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => n,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let mut tail = lock(tail);
        tail.extend_from_slice(&buffer[..n]);
        let excess = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_cut_and_the_next_one_is_whole() {
        let mut text = vec![b'x'; 3 * LINE_BYTES];
        text.extend(b"\n\nend");
        let mut reader = BufReader::new(&text[..]);
        assert_eq!(next_line(&mut reader), Some(vec![b'x'; LINE_BYTES]));
        assert_eq!(next_line(&mut reader), Some(Vec::new()));
        assert_eq!(next_line(&mut reader), Some(b"end".to_vec()));
        assert_eq!(next_line(&mut reader), None);
    }

    #[test]
    fn the_tail_is_what_came_last() {
        let text: Vec<u8> = (0..20_000u32).map(|at| (at % 251) as u8).collect();
        let tail = Mutex::new(Vec::new());
        keep_tail(&text[..], &tail);
        assert_eq!(lock(&tail)[..], text[20_000 - TAIL_BYTES..]);
    }
}
