//! What is to be seen while a run works: a bar on a terminal, a plain line now and then elsewhere,
//! and every event as a line of JSON in a file.

use std::fs::File;
use std::io::{IsTerminal, LineWriter, Write};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use eyas::{Event, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::{self, Style};
use crate::failure::Failure;
use crate::quantities::show_seconds;

/// Time between plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);
/// Columns of the bar.
const BAR_WIDTH: usize = 24;

/// What is known of the run so far.
#[derive(Debug, Clone, Default)]
struct State {
    metric: &'static str,
    stage: &'static str,
    fraction: f64,
    n_trials: usize,
    frontier_size: usize,
    best: Option<f64>,
    /// Pass, and rows of it, while the data is read in passes.
    reading: Option<(usize, u64)>,
}

/// The clock of a run, as far as it is shown.
#[derive(Debug, Clone, Copy)]
struct Clock {
    started: Instant,
    /// Whole budget in seconds; `None` if it is work units.
    seconds: Option<f64>,
}

/// Shows a run and writes its events.
pub struct Progress {
    state: Arc<Mutex<State>>,
    screen: Screen,
    events: Option<Mutex<EventFile>>,
}

/// How progress is shown.
enum Screen {
    Bar(ProgressBar),
    Lines { stop: Option<Sender<()>>, ticker: Option<JoinHandle<()>> },
    Hidden,
}

/// The file of events.
struct EventFile {
    path: String,
    file: LineWriter<File>,
    broken: bool,
}

impl Progress {
    /// Begins to show a run.
    ///
    /// # Errors
    /// The file of events cannot be made.
    pub fn new(
        context: &crate::Context,
        seconds: Option<f64>,
        events: Option<&std::path::Path>,
    ) -> Result<Progress, Failure> {
        let events = events.map(EventFile::create).transpose()?.map(Mutex::new);
        let state = Arc::new(Mutex::new(State { stage: "read", ..State::default() }));
        let clock = Clock { started: context.started, seconds };
        let terminal = std::io::stderr().is_terminal();
        let screen = match (context.quiet || (context.json && !terminal), terminal) {
            (true, _) => Screen::Hidden,
            (false, true) => Screen::Bar(bar(clock, &state)),
            (false, false) => lines(clock, &state),
        };
        Ok(Progress { state, screen, events })
    }

    /// Writes a line above the bar.
    pub fn note(&self, text: &str) {
        match &self.screen {
            Screen::Bar(bar) => bar.suspend(|| console::tell(text)),
            _ => console::tell(text),
        }
    }

    /// Takes the bar away.
    pub fn finish(&mut self) {
        match &mut self.screen {
            Screen::Bar(bar) => bar.finish_and_clear(),
            Screen::Lines { stop, ticker } => {
                drop(stop.take());
                if let Some(ticker) = ticker.take() {
                    let _ = ticker.join();
                }
            }
            Screen::Hidden => {}
        }
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn show(&self, event: &Event) {
        match event {
            Event::Reading { pass, rows } => {
                self.update(|state| state.reading = Some((*pass, *rows)));
            }
            Event::Started { notices, metric, .. } => {
                self.update(|state| {
                    (state.metric, state.stage, state.reading) = (metric, "search", None);
                });
                self.note(&started_line(event));
                for notice in notices {
                    self.notice(notice);
                }
            }
            Event::Progress { fraction, n_trials, frontier_size, best, .. } => {
                self.update(|state| {
                    state.fraction = *fraction;
                    state.n_trials = *n_trials;
                    state.frontier_size = *frontier_size;
                    state.best = *best;
                })
            }
            Event::TakenUp { .. } => self.note(&taken_up_line(event)),
            Event::Stage { stage, .. } => self.update(|state| state.stage = stage),
            Event::Notice { text } => self.notice(text),
            _ => {}
        }
    }

    /// Writes something the user should know above the bar.
    pub fn notice(&self, text: &str) {
        self.note(&format!("{} {text}", Style::of_stderr().yellow("note:")));
    }
}

impl Observer for Progress {
    fn event(&self, event: &Event) {
        if let Some(events) = &self.events {
            let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(problem) = events.write(event) {
                self.notice(&problem);
            }
        }
        if !matches!(self.screen, Screen::Hidden) {
            self.show(event);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl EventFile {
    fn create(path: &std::path::Path) -> Result<EventFile, Failure> {
        let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
        let path = path.display().to_string();
        Ok(EventFile { path, file: LineWriter::new(file), broken: false })
    }

    /// Writes one line; says so once if that fails.
    fn write(&mut self, event: &Event) -> Option<String> {
        if self.broken {
            return None;
        }
        let line = serde_json::to_string(event).map_err(std::io::Error::from);
        let error = line.and_then(|line| writeln!(self.file, "{line}")).err()?;
        self.broken = true;
        Some(format!("no more events are written to `{}`: {error}", self.path))
    }
}

/// What a run is about, in one line.
fn started_line(event: &Event) -> String {
    let Event::Started {
        task,
        metric,
        higher_is_better,
        n_rows,
        n_features,
        n_classes,
        validation,
        ..
    } = event
    else {
        return String::new();
    };
    let direction = if *higher_is_better { "higher" } else { "lower" };
    let classes = if *n_classes > 0 { format!(", {n_classes} classes") } else { String::new() };
    format!(
        "{task}{classes}: {} rows, {n_features} features; {metric} ({direction} is better), {validation}",
        crate::quantities::show_count(*n_rows as u64)
    )
}

/// Where a run goes on, in one line.
fn taken_up_line(event: &Event) -> String {
    let Event::TakenUp { trial, learner, fold, steps, unit } = event else {
        return String::new();
    };
    let fold = fold.map_or_else(|| ", refit".into(), |fold| format!(", fold {fold}"));
    let steps = crate::quantities::show_count(*steps as u64);
    format!("goes on inside trial {trial} ({learner}){fold}, after {steps} {unit}")
}

impl Clock {
    fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn fraction(&self, state: &State) -> f64 {
        self.seconds.map_or(state.fraction, |all| self.elapsed() / all).clamp(0.0, 1.0)
    }

    fn left(&self) -> String {
        match self.seconds {
            Some(all) => format!("{} left", show_seconds((all - self.elapsed()).max(0.0).round())),
            None => show_seconds(self.elapsed().round()),
        }
    }
}

impl State {
    fn words(&self) -> String {
        if let Some((pass, rows)) = self.reading {
            let rows = crate::quantities::counted(rows, "row");
            return format!("reading, pass {pass}: {rows}");
        }
        let best = match self.best {
            Some(best) => format!("best {} {best:.5}", self.metric),
            None => "no model yet".into(),
        };
        let trials = crate::quantities::counted(self.n_trials as u64, "trial");
        let frontier = format!("{} on the frontier (score, latency, size)", self.frontier_size);
        format!("{best}, {trials}, {frontier}, {}", self.stage)
    }
}

/// A bar that moves with the clock.
fn bar(clock: Clock, state: &Arc<Mutex<State>>) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let (seen, shown) = (Arc::clone(state), Arc::clone(state));
    let style = ProgressStyle::with_template("{clock} {words}")
        .expect("the template is constant")
        .with_key("clock", move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            let state = seen.lock().unwrap_or_else(PoisonError::into_inner);
            let full = (clock.fraction(&state) * BAR_WIDTH as f64).round() as usize;
            let (done, rest) = ("━".repeat(full), "─".repeat(BAR_WIDTH - full));
            let _ = write!(out, "{done}{rest} {}", clock.left());
        })
        .with_key("words", move |_: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
            let state = shown.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = out.write_str(&state.words());
        });
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// A plain line every few seconds.
fn lines(clock: Clock, state: &Arc<Mutex<State>>) -> Screen {
    let (stop, stopped) = channel::<()>();
    let state = Arc::clone(state);
    let ticker = std::thread::spawn(move || {
        while stopped.recv_timeout(LINE_EVERY) == Err(RecvTimeoutError::Timeout) {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let percent = 100.0 * clock.fraction(&state);
            console::tell(&format!("{percent:3.0}% {}: {}", clock.left(), state.words()));
        }
    });
    Screen::Lines { stop: Some(stop), ticker: Some(ticker) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_told_in_one_line() {
        let state = State {
            metric: "roc_auc",
            stage: "search",
            n_trials: 12,
            frontier_size: 5,
            best: Some(0.92761),
            fraction: 0.5,
            reading: None,
        };
        assert_eq!(
            state.words(),
            "best roc_auc 0.92761, 12 trials, 5 on the frontier (score, latency, size), search"
        );
        let reading = State { reading: Some((2, 1_500_000)), ..state.clone() };
        assert_eq!(reading.words(), "reading, pass 2: 1,500,000 rows");
        let clock = Clock { started: Instant::now(), seconds: None };
        assert_eq!(clock.fraction(&state), 0.5);
    }

    #[test]
    fn where_a_run_goes_on_is_told_in_one_line() {
        let event = |fold| Event::TakenUp {
            trial: 7,
            learner: "boosting".into(),
            fold,
            steps: 1180,
            unit: "rounds",
        };
        let line = taken_up_line(&event(Some(2)));
        assert_eq!(line, "goes on inside trial 7 (boosting), fold 2, after 1,180 rounds");
        let line = taken_up_line(&event(None));
        assert_eq!(line, "goes on inside trial 7 (boosting), refit, after 1,180 rounds");
    }

    #[test]
    fn every_event_is_a_line_of_json_with_its_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut events = EventFile::create(file.path()).unwrap();
        assert_eq!(events.write(&Event::Notice { text: "a\nb".into() }), None);
        assert_eq!(events.write(&Event::Stage { elapsed: 1.0, stage: "refit" }), None);
        let text = std::fs::read_to_string(file.path()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        for (line, name) in lines.iter().zip(["notice", "stage"]) {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["event"], name);
        }
    }
}
