//! A curve over steps, drawn in the terminal or as SVG.

use std::fmt::Write as _;

/// Rows of a drawing in the terminal.
const HEIGHT: usize = 16;
/// Columns of its labels.
const MARGIN: usize = 11;
/// Most points of a drawn line.
const MAX_POINTS: u64 = 1000;

/// What is drawn: a value, at least 0, of each step.
pub struct Curve<'a> {
    /// Number of steps, at least 1.
    pub n_steps: u64,
    /// The value of a step.
    pub rate: Box<dyn Fn(u64) -> f64 + 'a>,
}

impl Curve<'_> {
    /// Values of `n` evenly spaced steps from the first to the last.
    fn sampled(&self, n: usize) -> Vec<f64> {
        let last = (self.n_steps - 1) as f64;
        let gap = last / (n.max(2) - 1) as f64;
        (0..n).map(|at| (self.rate)((at as f64 * gap).round() as u64)).collect()
    }
}

/// Columns of the terminal; 100 where there is none.
pub fn terminal_width() -> usize {
    let set = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    set.or_else(|| comfy_table::Table::new().width().map(usize::from)).unwrap_or(100)
}

/// The curve in dots of Braille letters, with labels.
pub fn plot(curve: &Curve, width: usize) -> String {
    let columns = width.clamp(MARGIN + 20, 400) - MARGIN;
    let values = curve.sampled(2 * columns);
    let top = highest(&values);
    let dot = |value: f64| {
        let height = (4 * HEIGHT - 1) as f64;
        ((1.0 - value / top) * height).round().clamp(0.0, height) as usize
    };
    let mut cells = vec![vec![0_u8; columns]; HEIGHT];
    let mut before = dot(values[0]);
    for (x, value) in values.iter().enumerate() {
        let here = dot(*value);
        // A step is drawn as an upright line, without the dot that the column before has.
        let from = if before < here {
            before + 1
        } else if before > here {
            before - 1
        } else {
            here
        };
        for y in from.min(here)..=from.max(here) {
            cells[y / 4][x / 2] |= braille_dot(x % 2, y % 4);
        }
        before = here;
    }
    let mut text = String::new();
    for (row, line) in cells.iter().enumerate() {
        let label = match row {
            0 => short(top),
            _ if row == HEIGHT / 2 => short(top / 2.0),
            _ if row == HEIGHT - 1 => short(0.0),
            _ => String::new(),
        };
        let dots: String = line.iter().map(|dots| braille(*dots)).collect();
        let _ = writeln!(text, "{label:>9} ┤{}", dots.trim_end_matches('\u{2800}'));
    }
    let last = (curve.n_steps - 1).to_string();
    let _ = write!(text, "{:>10}└{}\n{:>11}0", "", "─".repeat(columns), "");
    let _ = write!(text, "{last:>width$}", width = columns - 1);
    text
}

/// The curve as an SVG file of 720 by 360 points.
pub fn svg(curve: &Curve, title: &str) -> String {
    let (left, right, top, bottom) = (70.0, 700.0, 40.0, 320.0);
    let n = curve.n_steps.clamp(2, MAX_POINTS) as usize;
    let values = curve.sampled(n);
    let high = highest(&values);
    let mut points = String::new();
    for (at, value) in values.iter().enumerate() {
        let x = left + (right - left) * at as f64 / (n - 1) as f64;
        let y = bottom - (bottom - top) * value / high;
        let _ = write!(points, "{x:.1},{y:.2} ");
    }
    let (title, last) = (escaped(title), curve.n_steps - 1);
    let (full, half) = (short(high), short(high / 2.0));
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 360" font-family="sans-serif" font-size="12">
<rect width="720" height="360" fill="#fff"/>
<text x="{left}" y="22" font-size="14">{title}</text>
<path d="M{left} {top}V{bottom}H{right}" fill="none" stroke="#333"/>
<path d="M{left} {top}H{right}M{left} 180H{right}" fill="none" stroke="#ddd"/>
<g text-anchor="end" fill="#333"><text x="64" y="44">{full}</text><text x="64" y="184">{half}</text><text x="64" y="324">0</text></g>
<g fill="#333"><text x="{left}" y="340">0</text><text x="{right}" y="340" text-anchor="end">{last}</text><text x="385" y="340" text-anchor="middle">step</text></g>
<polyline points="{}" fill="none" stroke="#0b62a4" stroke-width="2"/>
</svg>
"##,
        points.trim_end()
    )
}

/// The largest value, or 1 where all are 0.
fn highest(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(0.0, f64::max);
    if most > 0.0 { most } else { 1.0 }
}

fn short(value: f64) -> String {
    let plain = format!("{value:.4}");
    if value != 0.0 && !(0.001..100_000.0).contains(&value) {
        format!("{value:.2e}")
    } else {
        plain
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The bit of a dot in a Braille letter, two columns by four rows.
fn braille_dot(column: usize, row: usize) -> u8 {
    [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]][column][row]
}

fn braille(dots: u8) -> char {
    char::from_u32(0x2800 + u32::from(dots)).expect("all Braille letters exist")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn falling(n_steps: u64) -> Curve<'static> {
        Curve { n_steps, rate: Box::new(move |step| 1.0 - step as f64 / n_steps as f64) }
    }

    #[test]
    fn a_plot_is_as_wide_as_asked() {
        for (n_steps, width) in [(1, 31), (2, 60), (1000, 100), (u64::MAX, 10_000)] {
            let text = plot(&falling(n_steps), width);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{text}");
            assert_eq!(text.lines().count(), HEIGHT + 2);
        }
    }

    #[test]
    fn a_plot_reads_well() {
        insta::assert_snapshot!(plot(&falling(100), 50));
    }

    #[test]
    fn a_curve_of_zeros_is_drawn() {
        let zeros = Curve { n_steps: 5, rate: Box::new(|_| 0.0) };
        assert!(plot(&zeros, 60).contains("1.0000"));
        assert!(svg(&zeros, "a < b & c").contains("a &lt; b &amp; c"));
        assert!(!svg(&zeros, "zeros").contains("NaN"));
    }
}
