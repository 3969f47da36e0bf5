//! Dates and times of ISO 8601 form as seconds, and the parts of a date that features use.
//!
//! One calendar: proleptic Gregorian, days of 86,400 seconds, no leap seconds. Time zones are
//! applied when they are written out and ignored otherwise, so a column must not mix both.
//! Training and prediction read dates through this module, so they agree.

use crate::encoder::{Derive, ZERO};

const SECONDS_A_DAY: i64 = 86_400;
/// Days from 0000-03-01 to 1970-01-01.
const DAYS_TO_1970: i64 = 719_468;
/// Days in 400 years.
const DAYS_OF_ERA: i64 = 146_097;
/// Beyond this many seconds from 1970 (some 300,000 years) a date has no calendar parts.
const FARTHEST_SECONDS: f64 = 1e13;

/// Seconds since 1970-01-01T00:00:00 of a date or time; `None` for anything else.
///
/// Accepted, with blanks around it: `YYYY-MM-DD` or `YYYY/MM/DD`, then optionally a blank or `T`
/// and `hh:mm[:ss[.fff...]]`, then optionally `Z`, `+hh:mm`, `+hhmm` or `+hh` (or with `-`).
pub fn parse(text: &str) -> Option<f64> {
    let mut rest = Rest(text.trim_ascii().as_bytes());
    let year = rest.digits(4)?;
    let separator = rest.one_of(b"-/")?;
    let month = rest.digits(2)?;
    rest.exactly(separator)?;
    let day = rest.digits(2)?;
    if !(1..=12).contains(&month) || day < 1 || day > days_of_month(year, month) {
        return None;
    }
    let midnight = (days_from_civil(year, month, day) * SECONDS_A_DAY) as f64;
    if rest.0.is_empty() {
        return Some(midnight);
    }
    rest.one_of(b" Tt")?;
    let time = rest.time()?;
    let offset = rest.offset()?;
    rest.0.is_empty().then_some(midnight + time - offset)
}

/// A part of the date that is `seconds` after 1970-01-01T00:00:00.
///
/// [`Derive::Itself`] and [`Derive::Epoch`] give the seconds, [`Derive::NonZero`] too but for zero. NaN stays NaN; the calendar parts of
/// a date more than 1e13 seconds away are NaN.
pub fn part(seconds: f64, derive: Derive) -> f64 {
    if matches!(derive, Derive::Itself | Derive::Epoch) {
        return seconds;
    }
    if derive == Derive::NonZero {
        return if seconds.abs() <= ZERO { f64::NAN } else { seconds };
    }
    if seconds.is_nan() || seconds.abs() > FARTHEST_SECONDS {
        return f64::NAN;
    }
    let whole = seconds.floor() as i64;
    let days = whole.div_euclid(SECONDS_A_DAY);
    match derive {
        Derive::Hour => (whole.rem_euclid(SECONDS_A_DAY) / 3600) as f64,
        // 1970-01-01 was a Thursday.
        Derive::Weekday => (days + 3).rem_euclid(7) as f64,
        Derive::Year => civil_from_days(days).0 as f64,
        Derive::Month => civil_from_days(days).1 as f64,
        Derive::Itself | Derive::Epoch | Derive::NonZero => seconds,
    }
}

/// Days from 1970-01-01 to a date; March is the first month, so that a leap day ends its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_OF_ERA + day_of_era - DAYS_TO_1970
}

/// Year and month of the day that is `days` after 1970-01-01.
fn civil_from_days(days: i64) -> (i64, i64) {
    let days = days + DAYS_TO_1970;
    let era = days.div_euclid(DAYS_OF_ERA);
    let day_of_era = days.rem_euclid(DAYS_OF_ERA);
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn next(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn one_of(&mut self, accepted: &[u8]) -> Option<u8> {
        self.next().filter(|byte| accepted.contains(byte))
    }

    fn exactly(&mut self, expected: u8) -> Option<u8> {
        self.next().filter(|&byte| byte == expected)
    }

    fn starts_with(&self, byte: u8) -> bool {
        self.0.first() == Some(&byte)
    }

    /// A number of exactly `n` digits.
    fn digits(&mut self, n: usize) -> Option<i64> {
        (0..n).try_fold(0, |number, _| {
            let digit = self.next().filter(u8::is_ascii_digit)?;
            Some(number * 10 + i64::from(digit - b'0'))
        })
    }

    /// Seconds of `hh:mm[:ss[.fff]]`.
    fn time(&mut self) -> Option<f64> {
        let hour = self.digits(2).filter(|&hour| hour < 24)?;
        self.exactly(b':')?;
        let minute = self.digits(2).filter(|&minute| minute < 60)?;
        let mut seconds = 0.0;
        if self.starts_with(b':') {
            self.next();
            seconds = self.digits(2).filter(|&second| second < 60)? as f64;
            if self.starts_with(b'.') {
                self.next();
                seconds += self.fraction()?;
            }
        }
        Some((hour * 3600 + minute * 60) as f64 + seconds)
    }

    /// One or more digits after a point; those after the 15th are below f64's precision.
    fn fraction(&mut self) -> Option<f64> {
        let (mut number, mut power, mut n_digits) = (0i64, 1i64, 0);
        while self.0.first().is_some_and(u8::is_ascii_digit) {
            let digit = self.digits(1)?;
            if n_digits < 15 {
                number = number * 10 + digit;
                power *= 10;
            }
            n_digits += 1;
        }
        (n_digits > 0).then(|| number as f64 / power as f64)
    }

    /// Seconds east of Greenwich; 0 if nothing is written.
    fn offset(&mut self) -> Option<f64> {
        if self.0.is_empty() {
            return Some(0.0);
        }
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(0.0),
        };
        let hours = self.digits(2).filter(|&hours| hours < 24)?;
        if self.starts_with(b':') {
            self.next();
        } else if self.0.is_empty() {
            return Some((sign * hours * 3600) as f64);
        }
        let minutes = self.digits(2).filter(|&minutes| minutes < 60)?;
        Some((sign * (hours * 3600 + minutes * 60)) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_accepted_form() {
        let noon = 1_359_633_600.0; // 2013-01-31T12:00:00
        for text in [
            "2013-01-31 12:00",
            "2013-01-31T12:00",
            "2013/01/31 12:00:00",
            "2013-01-31T12:00:00Z",
            "2013-01-31T12:00:00.000z",
            "2013-01-31 14:30+02:30",
            "2013-01-31 14:30:00+0230",
            "2013-01-31 05:00:00-07",
            " 2013-01-31t12:00 ",
        ] {
            assert_eq!(parse(text), Some(noon), "{text}");
        }
        assert_eq!(parse("2013-01-31"), Some(noon - 43_200.0));
        assert_eq!(parse("1969-12-31T23:59:59.25"), Some(-0.75));
        assert_eq!(parse("2000-02-29T00:00:00.1234567890123456789"), {
            Some(951_782_400.0 + 0.123_456_789_012_345)
        });
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "2013",
            "2013-01",
            "2013-1-31",
            "2013-13-01",
            "2013-00-01",
            "2013-02-29",
            "2013-04-31",
            "2013-01-00",
            "2013-01/31",
            "13-01-31",
            "2013-01-31 ",
            "2013-01-31T",
            "2013-01-31 24:00",
            "2013-01-31 12",
            "2013-01-31 12:60",
            "2013-01-31 12:00:60",
            "2013-01-31 12:00:00.",
            "2013-01-31 12:00 Z",
            "2013-01-31 12:00+2",
            "2013-01-31Z",
            "2013-01-31 12:00+24:00",
            "2013-01-31 12:00:00Zx",
            "1.5",
            "yes",
            "２０１３-01-31",
        ] {
            // A blank at the end is trimmed, so that one is a date.
            let expected = (text == "2013-01-31 ").then_some(1_359_590_400.0);
            assert_eq!(parse(text), expected, "{text:?}");
        }
    }

    #[test]
    fn parts_of_a_known_time() {
        let seconds = parse("2024-02-29T23:59:59.999").expect("a valid time");
        let parts = [Derive::Year, Derive::Month, Derive::Weekday, Derive::Hour];
        assert_eq!(parts.map(|derive| part(seconds, derive)), [2024.0, 2.0, 3.0, 23.0]);
        assert_eq!(part(seconds, Derive::Epoch), seconds);
        assert_eq!(part(seconds, Derive::Itself), seconds);
        for lost in [f64::NAN, f64::INFINITY, -1e300] {
            assert!(part(lost, Derive::Year).is_nan());
        }
    }

    /// The obvious calendar: counts days one by one from year 0.
    fn every_day(until_year: i64) -> impl Iterator<Item = (i64, i64, i64, i64)> {
        // 1970-01-01 is 719,528 days after 0000-01-01.
        let mut days = -719_528;
        (0..until_year).flat_map(|year| (1..=12).map(move |month| (year, month))).flat_map(
            move |(year, month)| {
                let first = days;
                days += days_of_month(year, month);
                (1..=days_of_month(year, month)).map(move |day| (year, month, day, first + day - 1))
            },
        )
    }

    #[test]
    fn every_day_of_3000_years_agrees_with_counting() {
        for (year, month, day, days) in every_day(3000) {
            let seconds = (days * SECONDS_A_DAY) as f64;
            assert_eq!(days_from_civil(year, month, day), days, "{year}-{month}-{day}");
            if day % 7 == 1 {
                assert_eq!(parse(&format!("{year:04}-{month:02}-{day:02}")), Some(seconds));
            }
            assert_eq!(part(seconds, Derive::Year), year as f64);
            assert_eq!(part(seconds + 86_399.5, Derive::Month), month as f64);
            // 0000-01-01 was a Saturday.
            assert_eq!(part(seconds, Derive::Weekday), ((days + 719_528 + 5) % 7) as f64);
        }
    }

    proptest! {
        #[test]
        fn written_times_are_read_back(second in -62_135_596_800i64..253_402_300_800) {
            let seconds = second as f64;
            let days = second.div_euclid(SECONDS_A_DAY);
            let (year, month) = civil_from_days(days);
            let day = days - days_from_civil(year, month, 1) + 1;
            let in_day = second.rem_euclid(SECONDS_A_DAY);
            let (hour, minute, s) = (in_day / 3600, in_day / 60 % 60, in_day % 60);
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{s:02}");
            prop_assert_eq!(parse(&text), Some(seconds));
            prop_assert_eq!(part(seconds, Derive::Hour), hour as f64);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}") {
            let _ = parse(&text);
        }
    }
}
