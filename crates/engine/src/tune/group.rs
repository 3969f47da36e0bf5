//! Process groups: a program is ended with all it has started. Where there are none (outside Unix)
//! the program alone is ended.

use std::process::{Child, Command};

#[cfg(unix)]
mod system {
    use super::{Child, Command};
    use rustix::io::Errno;
    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
    use std::os::unix::process::CommandExt;

    fn pid(id: u32) -> Option<Pid> {
        i32::try_from(id).ok().and_then(Pid::from_raw)
    }

    pub fn apart(command: &mut Command) {
        command.process_group(0);
    }

    pub fn signal(process: &mut Child, at_once: bool) {
        signal_group(process.id(), at_once);
    }

    pub fn signal_group(id: u32, at_once: bool) {
        let signal = if at_once { Signal::KILL } else { Signal::TERM };
        if let Some(pid) = pid(id) {
            // A group that is gone needs no signal.
            let _ = kill_process_group(pid, signal);
        }
    }

    pub fn wait_without_reaping(id: u32, _: impl Fn() -> bool) {
        let Some(pid) = pid(id) else { return };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(Errno::INTR) = waitid(WaitId::Pid(pid), options) {}
    }
}

#[cfg(not(unix))]
mod system {
    use super::{Child, Command};
    use std::time::Duration;

    pub fn apart(_: &mut Command) {}

    pub fn signal(process: &mut Child, _: bool) {
        let _ = process.kill();
    }

    pub fn wait_without_reaping(_: u32, runs: impl Fn() -> bool) {
        while runs() {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub(super) use system::{apart, signal, wait_without_reaping};

/// Ends a group that an earlier process of this run has started and left behind. Its number may be another's
/// by now, so the leader must have these variables in its environment.
#[cfg(target_os = "linux")]
pub(super) fn end_left_behind(id: u32, variables: &[(String, String)]) {
    let Ok(environment) = std::fs::read(format!("/proc/{id}/environ")) else { return };
    let found: Vec<&[u8]> = environment.split(|byte| *byte == 0).collect();
    let is_ours =
        |(name, value): &(String, String)| found.contains(&format!("{name}={value}").as_bytes());
    if !variables.is_empty() && variables.iter().all(is_ours) {
        system::signal_group(id, true);
    }
}

/// Ends nothing: here it cannot be told whose process it is.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_left_behind(_: u32, _: &[(String, String)]) {}
