//! What is to be seen while a grid is searched: a bar on a terminal, a plain line now and then
//! elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::Context;
use crate::console;
use crate::quantities::show_seconds;

/// Time between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how many fits are done.
pub struct FitsDone {
    started: Instant,
    screen: Screen,
}

enum Screen {
    Bar(ProgressBar),
    /// When the last line was written.
    Lines(Mutex<Instant>),
    Hidden,
}

impl FitsDone {
    /// Begins to show; nothing is shown if the user wants quiet, or JSON away from a terminal.
    pub fn new(context: &Context) -> FitsDone {
        let terminal = std::io::stderr().is_terminal();
        let screen = match (context.quiet || (context.json && !terminal), terminal) {
            (true, _) => Screen::Hidden,
            (false, true) => Screen::Bar(bar()),
            (false, false) => Screen::Lines(Mutex::new(Instant::now())),
        };
        FitsDone { started: context.started, screen }
    }

    /// Takes up that `done` of `all` fits are done.
    pub fn show(&self, done: usize, all: usize) {
        match &self.screen {
            Screen::Bar(bar) => {
                bar.set_length(all as u64);
                // Fits end side by side, and may tell so in another order.
                bar.set_position(bar.position().max(done as u64));
                bar.set_message(line(done, all, self.started.elapsed()));
            }
            Screen::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= LINE_EVERY {
                    *last = Instant::now();
                    console::tell(&line(done, all, self.started.elapsed()));
                }
            }
            Screen::Hidden => {}
        }
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        if let Screen::Bar(bar) = &self.screen {
            bar.finish_and_clear();
        }
    }
}

impl Drop for FitsDone {
    fn drop(&mut self) {
        self.finish();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:24.dim} {msg}, {elapsed}");
    bar.set_style(style.expect("the template is constant").progress_chars("━━─"));
    bar.set_message("reading");
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// What is done, of how much, for how long.
fn line(done: usize, all: usize, elapsed: Duration) -> String {
    let what = if done == all { "; the best is fitted on all rows" } else { "" };
    format!("{done} of {all} fits done after {}{what}", show_seconds(elapsed.as_secs_f64().round()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_is_told_in_a_line() {
        assert_eq!(line(2, 5, Duration::from_millis(61_200)), "2 of 5 fits done after 1m 01s");
        assert!(line(5, 5, Duration::ZERO).contains("all rows"));
    }
}
