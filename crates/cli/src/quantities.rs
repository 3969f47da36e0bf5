//! Quantities with units on the command line: range, name and error text are defined here, once.

use serde::{Deserialize, Serialize};

/// A kind of quantity: what its units are worth and how a mistake is explained.
struct Quantity {
    /// What it is, e.g. `a time`.
    name: &'static str,
    /// Forms that are allowed, shown in every error.
    forms: &'static str,
    /// Units and what one of each is worth; the longest match wins.
    units: &'static [(&'static str, f64)],
    /// Largest value, in the unit that is worth 1.
    largest: f64,
    /// Largest value as text.
    largest_text: &'static str,
}

/// Times, in nanoseconds.
static TIME: Quantity = Quantity {
    name: "a time",
    forms: "20us, 0.5ms, 1.5s, 2m, 1h or 50000ns",
    units: &[
        ("ns", 1.0),
        ("us", 1e3),
        ("µs", 1e3),
        ("μs", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("min", 60e9),
        ("h", 3600e9),
    ],
    largest: 30.0 * 24.0 * 3600e9,
    largest_text: "720h",
};

/// Sizes, in bytes.
static SIZE: Quantity = Quantity {
    name: "a size",
    forms: "500kB, 1MB, 4GB, 512KiB, 4GiB or 2048B",
    units: &[
        ("B", 1.0),
        ("kB", 1e3),
        ("KB", 1e3),
        ("MB", 1e6),
        ("GB", 1e9),
        ("TB", 1e12),
        ("KiB", 1024.0),
        ("MiB", 1048576.0),
        ("GiB", 1073741824.0),
        ("TiB", 1099511627776.0),
    ],
    largest: 1e15,
    largest_text: "1000TB",
};

impl Quantity {
    /// The value of a text, in the unit that is worth 1; more than zero.
    fn parse(&self, text: &str) -> Result<f64, String> {
        let text = text.trim();
        let end = text
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
            .unwrap_or(text.len());
        let (number, unit) = (text[..end].replace('_', ""), text[end..].trim());
        let Ok(number) = number.parse::<f64>() else {
            return Err(format!("`{text}` is not {}; write e.g. {}", self.name, self.forms));
        };
        let Some(&(_, worth)) = self.units.iter().find(|(name, _)| *name == unit) else {
            let problem = if unit.is_empty() { "has no unit" } else { "has an unknown unit" };
            return Err(format!("`{text}` {problem}; write e.g. {}", self.forms));
        };
        let value = number * worth;
        if value <= 0.0 {
            return Err(format!(
                "`{text}` is zero, but it must be more; write e.g. {}",
                self.forms
            ));
        }
        if value > self.largest {
            return Err(format!(
                "`{text}` is more than the largest allowed, {}",
                self.largest_text
            ));
        }
        Ok(value)
    }
}

/// A time in nanoseconds, more than zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Nanoseconds(pub f64);

/// A time in seconds, more than zero.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Seconds(pub f64);

/// Time between two occasions, in seconds; `None` if there are none.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Every(pub Option<f64>);

impl Default for Every {
    fn default() -> Every {
        Every(Some(60.0))
    }
}

/// A size in bytes, at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bytes(pub u64);

/// A latency such as `20us`.
pub fn latency(text: &str) -> Result<Nanoseconds, String> {
    TIME.parse(text).map(Nanoseconds)
}

/// A training budget such as `60s`.
pub fn budget(text: &str) -> Result<Seconds, String> {
    TIME.parse(text).map(|ns| Seconds(ns / 1e9))
}

/// A time between two occasions such as `60s`, or `never`.
pub fn every(text: &str) -> Result<Every, String> {
    match text.trim() {
        "never" | "0" => Ok(Every(None)),
        text => TIME
            .parse(text)
            .map(|ns| Every(Some(ns / 1e9)))
            .map_err(|problem| format!("{problem}; or never")),
    }
}

/// A size such as `1MB`.
pub fn size(text: &str) -> Result<Bytes, String> {
    let bytes = SIZE.parse(text)?;
    if bytes < 1.0 {
        return Err(format!("`{text}` is less than one byte; write e.g. {}", SIZE.forms));
    }
    Ok(Bytes(bytes as u64))
}

/// A share of rows such as `0.2` or `20%`, in (0, 1).
pub fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = match text.trim().strip_suffix('%') {
        Some(number) => (number, 0.01),
        None => (text.trim(), 1.0),
    };
    match number.parse::<f64>().map(|value| value * scale) {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err(format!("`{text}` is not a share between 0 and 1; write e.g. 0.2 or 20%")),
    }
}

/// Nanoseconds for people: three digits and a unit.
pub fn show_ns(ns: f64) -> String {
    match ns {
        _ if !ns.is_finite() => "-".into(),
        _ if ns.abs() < 0.5 => "0 ns".into(),
        _ if ns.abs() < 999.5 => format!("{ns:.0} ns"),
        _ if ns.abs() < 999.5e3 => format!("{} us", three_digits(ns * 1e-3)),
        _ if ns.abs() < 999.5e6 => format!("{} ms", three_digits(ns * 1e-6)),
        _ => show_seconds(ns * 1e-9),
    }
}

/// Seconds for people.
pub fn show_seconds(seconds: f64) -> String {
    match seconds {
        _ if !seconds.is_finite() => "-".into(),
        _ if seconds < 60.0 => format!("{} s", three_digits(seconds)),
        _ if seconds < 3600.0 => {
            format!("{:.0}m {:02.0}s", (seconds / 60.0).floor(), seconds % 60.0)
        }
        _ => format!("{:.0}h {:02.0}m", (seconds / 3600.0).floor(), (seconds % 3600.0) / 60.0),
    }
}

/// Bytes for people, in powers of 1000.
pub fn show_bytes(bytes: u64) -> String {
    match bytes as f64 {
        b if b < 999.5 => format!("{bytes} B"),
        b if b < 999.5e3 => format!("{} kB", three_digits(b * 1e-3)),
        b if b < 999.5e6 => format!("{} MB", three_digits(b * 1e-6)),
        b => format!("{} GB", three_digits(b * 1e-9)),
    }
}

/// A whole number with spaces between thousands.
pub fn show_count(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A number of things by their name: `1 trial`, `2 trials`.
pub fn counted(count: u64, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {name}{plural}", show_count(count))
}

fn three_digits(value: f64) -> String {
    match value.abs() {
        // No sign before a zero.
        v if v < 0.005 => "0.00".into(),
        v if v < 9.995 => format!("{value:.2}"),
        v if v < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_unit_are_read() {
        for (text, ns) in [
            ("20us", 20e3),
            ("20µs", 20e3),
            ("0.5ms", 0.5e6),
            ("1.5s", 1.5e9),
            ("2m", 120e9),
            ("2min", 120e9),
            ("1h", 3600e9),
            ("50_000ns", 50e3),
            (" 20 us ", 20e3),
        ] {
            assert_eq!(latency(text), Ok(Nanoseconds(ns)), "{text}");
        }
        assert_eq!(budget("2m"), Ok(Seconds(120.0)));
    }

    #[test]
    fn occasions_may_be_never() {
        assert_eq!(every("90s"), Ok(Every(Some(90.0))));
        assert_eq!([every("never"), every("0")], [Ok(Every(None)), Ok(Every(None))]);
        let error = every("sometimes").unwrap_err();
        assert!(error.contains("`sometimes` is not a time") && error.contains("never"), "{error}");
    }

    #[test]
    fn sizes_tell_powers_of_1000_and_1024_apart() {
        for (text, bytes) in
            [("1MB", 1_000_000), ("4GiB", 4 << 30), ("500kB", 500_000), ("1.5KiB", 1536), ("7B", 7)]
        {
            assert_eq!(size(text), Ok(Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn mistakes_name_the_value_and_the_forms() {
        let forms = TIME.forms;
        assert_eq!(latency("20"), Err(format!("`20` has no unit; write e.g. {forms}")));
        assert_eq!(
            latency("20 qs"),
            Err(format!("`20 qs` has an unknown unit; write e.g. {forms}"))
        );
        assert_eq!(latency("fast"), Err(format!("`fast` is not a time; write e.g. {forms}")));
        assert_eq!(budget("-3s"), Err(format!("`-3s` is not a time; write e.g. {forms}")));
        assert_eq!(
            budget("0s"),
            Err(format!("`0s` is zero, but it must be more; write e.g. {forms}"))
        );
        assert!(budget("1e9s").is_err() && budget("900000h").is_err() && size("0.1B").is_err());
        assert!(latency("").is_err() && latency("1.2.3s").is_err());
    }

    #[test]
    fn shares_lie_between_0_and_1() {
        assert_eq!(share("0.25"), Ok(0.25));
        assert_eq!(share("25%"), Ok(0.25));
        for wrong in ["0", "1", "100%", "-0.1", "x", "nan"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_shown_with_three_digits() {
        let shown = [12.0, 999.4, 1000.0, 12_345.0, 1.5e6, 2e9].map(show_ns);
        assert_eq!(shown, ["12 ns", "999 ns", "1.00 us", "12.3 us", "1.50 ms", "2.00 s"]);
        assert_eq!(show_seconds(75.0), "1m 15s");
        assert_eq!(show_seconds(3720.0), "1h 02m");
        assert_eq!(show_bytes(123_456), "123 kB");
        assert_eq!(show_count(1_234_567), "1,234,567");
        assert_eq!([counted(1, "trial"), counted(2_000, "trial")], ["1 trial", "2,000 trials"]);
        assert_eq!([-0.0, -0.004, 0.004].map(show_seconds), ["0.00 s", "0.00 s", "0.00 s"]);
        assert_eq!([show_seconds(-0.006), show_ns(-0.2)], ["-0.01 s", "0 ns"]);
    }
}
