//! A process that writes another's output to files, and does nothing else.
//!
//! What a guest prints must be written down while the daemon is dead or
//! replaced, and a disk that is full or hangs must not hold the guest up. So
//! its output is a pipe that a small program of its own reads: [`keep`] is
//! that program, [`LastWords`] what it shares with whoever started it.

mod last_words;
mod rotating;

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TrySendError, sync_channel};

pub use last_words::LastWords;
pub use rotating::Rotating;

/// The name of the program, installed beside the daemon.
pub const PROGRAM: &str = "oxivirt-logkeeper";

/// Bytes of a file before the next one is begun.
pub const MAX_SIZE: u64 = 2 * 1024 * 1024;

/// Older files that are kept.
pub const MAX_BACKUPS: u32 = 3;

/// Writes all of `input` to `log`, until `input` ends.
///
/// * Reading never waits for writing: what cannot be written (the disk is
///   full, or does not answer) is counted and left out, and a line says so as
///   soon as there is room again.
/// * `words` – is told of everything that is read.
/// * Errors: `input` cannot be read.
pub fn keep(mut input: impl Read, log: Rotating, mut words: Option<LastWords>) -> io::Result<()> {
    let (sender, receiver) = sync_channel::<Vec<u8>>(WAITING);
    let lost = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let writer = std::thread::Builder::new().name("writer".into()).spawn_scoped(scope, {
            let lost = &lost;
            move || write(log, receiver, lost)
        })?;
        let mut buffer = vec![0; CHUNK];
        let outcome = loop {
            let chunk = match input.read(&mut buffer) {
                Ok(0) => break Ok(()),
                Ok(length) => buffer.get(..length).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => break Err(error),
            };
            if let Some(words) = &mut words {
                words.add(chunk);
            }
            if let Err(TrySendError::Full(chunk)) = sender.try_send(chunk.to_vec()) {
                lost.fetch_add(chunk.len() as u64, Ordering::Relaxed);
            }
        };
        if let Some(words) = &mut words {
            words.end();
        }
        drop(sender);
        // What it panics with is of no use to anybody here.
        let _ = writer.join();
        outcome
    })
}

fn write(mut log: Rotating, chunks: Receiver<Vec<u8>>, lost: &AtomicU64) {
    for chunk in chunks {
        let missing = lost.load(Ordering::Relaxed);
        if missing > 0 {
            let note = format!("[{missing} bytes of output are missing here]\n");
            match log.write(note.as_bytes()) {
                Ok(()) => {
                    lost.fetch_sub(missing, Ordering::Relaxed);
                }
                Err(_) => {
                    lost.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    continue;
                }
            }
        }
        if log.write(&chunk).is_err() {
            lost.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
    }
}

/// What is read at once: as much as a pipe holds.
const CHUNK: usize = 64 * 1024;

/// How many pieces may wait for a disk.
const WAITING: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    #[test]
    fn all_of_it_is_written_and_the_end_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.log");
        let words = LastWords::new().unwrap();
        let (reader, mut pipe) = io::pipe().unwrap();
        let shared = words.shared().unwrap();
        let log = Rotating::new(path.clone(), MAX_SIZE, MAX_BACKUPS);
        let keeper = std::thread::spawn(move || keep(reader, log, Some(shared)));
        pipe.write_all(b"first line\n").unwrap();
        pipe.write_all(&vec![b'x'; 100_000]).unwrap();
        pipe.write_all(b"\nthe last line\n").unwrap();
        assert!(!words.wait(std::time::Duration::ZERO));
        drop(pipe);
        keeper.join().unwrap().unwrap();
        assert!(words.wait(std::time::Duration::from_secs(10)));
        assert!(words.read().ends_with("xxx\nthe last line\n"));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 11 + 100_000 + 15);
    }

    #[test]
    fn a_disk_that_takes_nothing_holds_nobody_up() {
        // Every write to this device fails as on a full disk.
        let (reader, mut pipe) = io::pipe().unwrap();
        let words = LastWords::new().unwrap();
        let shared = words.shared().unwrap();
        let log = Rotating::new("/dev/full".into(), MAX_SIZE, 0);
        let keeper = std::thread::spawn(move || keep(reader, log, Some(shared)));
        for _ in 0..100 {
            pipe.write_all(&[b'y'; 10_000]).unwrap();
        }
        pipe.write_all(b"still heard\n").unwrap();
        drop(pipe);
        keeper.join().unwrap().unwrap();
        assert!(words.read().ends_with("still heard\n"));
    }

    #[test]
    fn what_is_missing_is_told_when_there_is_room_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/a.log");
        let (reader, mut pipe) = io::pipe().unwrap();
        let log = Rotating::new(path.clone(), MAX_SIZE, MAX_BACKUPS);
        let keeper = std::thread::spawn(move || keep(reader, log, None));
        pipe.write_all(b"lost\n").unwrap();
        // The folder is not there yet; the next piece finds it.
        std::thread::sleep(std::time::Duration::from_millis(300));
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        pipe.write_all(b"kept\n").unwrap();
        drop(pipe);
        keeper.join().unwrap().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        // On a slow machine nothing may have been lost.
        assert!(text == "[5 bytes of output are missing here]\nkept\n" || text == "lost\nkept\n", "{text}");
    }
}
