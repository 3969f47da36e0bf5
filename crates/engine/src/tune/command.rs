//! The command that is tuned: arguments with placeholders, and an environment.

use eyas_learn::data::nearest::nearest_name;
use eyas_search::{Config, Space};

use crate::error::Error;

/// The prefix of everything that a trial finds in its environment.
const PREFIX: &str = "EYAS_";
/// What a trial is told besides its parameters.
const RESERVED: [&str; 3] = ["trial", "seed", "run"];

/// A command line with placeholders.
#[derive(Debug, Clone)]
pub(super) struct Template {
    arguments: Vec<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Parameter(String),
    Trial,
    Seed,
}

/// What a trial is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub config: &'a Config,
    pub trial: u64,
    pub seed: u64,
}

impl Given<'_> {
    /// A seed that fits where programs take 31 bits.
    pub fn short_seed(&self) -> u64 {
        self.seed >> 33
    }
}

impl Template {
    /// Reads a command line. `{name}` stands for the value of a parameter, `{trial}` for the number of the
    /// trial, `{seed}` for its seed; `{{` and `}}` are braces. A `${name}` is left to the shell.
    ///
    /// # Errors
    /// An empty command, a placeholder that is no parameter, or parameters that cannot be told
    /// apart in an environment.
    pub fn parse(command: &[String], space: &Space) -> Result<Template, Error> {
        if command.first().is_none_or(|program| program.is_empty()) {
            return Err(wrong("empty", "give the program to run after `--`"));
        }
        check_names(space)?;
        let arguments = command.iter().map(|argument| pieces(argument, space));
        Ok(Template { arguments: arguments.collect::<Result<_, Error>>()? })
    }

    fn mentions(&self, name: &str) -> bool {
        self.arguments.iter().flatten().any(|piece| *piece == Piece::Parameter(name.to_owned()))
    }

    /// Parameters that no argument mentions, neither as a placeholder nor by the name that they
    /// have in the environment.
    pub fn unmentioned<'a>(&self, space: &'a Space) -> Vec<&'a str> {
        let reads = |variable: &str| {
            let mut texts = self.arguments.iter().flatten();
            texts.any(|piece| matches!(piece, Piece::Text(text) if text.contains(variable)))
        };
        let names = space.parameters.iter().map(|parameter| parameter.name);
        names.filter(|name| !self.mentions(name) && !reads(&variable(name))).collect()
    }

    /// Program and arguments of a trial.
    pub fn arguments(&self, given: &Given<'_>) -> Vec<String> {
        let value = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Parameter(name) => value_of(given.config, name),
            Piece::Trial => given.trial.to_string(),
            Piece::Seed => given.short_seed().to_string(),
        };
        self.arguments.iter().map(|pieces| pieces.iter().map(value).collect()).collect()
    }

    /// The command line of a trial for a shell: parameters without a placeholder come first, as
    /// variables.
    pub fn shell(&self, given: &Given<'_>) -> String {
        let names = given.config.values.keys().filter(|name| !self.mentions(name));
        let variables = names
            .map(|name| format!("{}={}", variable(name), quoted(&value_of(given.config, name))));
        let arguments = self.arguments(given);
        let words = variables.chain(arguments.iter().map(|argument| quoted(argument)));
        words.collect::<Vec<_>>().join(" ")
    }
}

/// What a trial finds in its environment, besides what everybody does.
pub(super) fn environment(given: &Given<'_>, run_dir: &str) -> Vec<(String, String)> {
    let parameters = given.config.values.keys();
    let mut variables: Vec<(String, String)> =
        parameters.map(|name| (variable(name), value_of(given.config, name))).collect();
    variables.push((variable("trial"), given.trial.to_string()));
    variables.push((variable("seed"), given.short_seed().to_string()));
    variables.push((variable("run"), run_dir.to_owned()));
    variables
}

/// The name of a parameter in the environment: `learning-rate` is `EYAS_LEARNING_RATE`.
pub(super) fn variable(name: &str) -> String {
    let clean = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    format!("{PREFIX}{}", name.chars().map(clean).collect::<String>())
}

fn value_of(config: &Config, name: &str) -> String {
    config.values.get(name).map(ToString::to_string).unwrap_or_default()
}

fn wrong(value: impl Into<String>, expected: impl Into<String>) -> Error {
    Error::Option { option: "the command", value: value.into(), expected: expected.into() }
}

fn check_names(space: &Space) -> Result<(), Error> {
    let mut seen: Vec<(String, &str)> =
        RESERVED.iter().map(|name| (variable(name), "what every trial is told")).collect();
    for parameter in &space.parameters {
        let own = variable(parameter.name);
        if let Some((_, other)) = seen.iter().find(|(known, _)| *known == own) {
            return Err(Error::Option {
                option: "a parameter of --space",
                value: format!("`{}`", parameter.name),
                expected: format!("{own} is {other} already; give the parameter another name"),
            });
        }
        seen.push((own, parameter.name));
    }
    Ok(())
}

/// An argument in pieces.
fn pieces(argument: &str, space: &Space) -> Result<Vec<Piece>, Error> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find(['{', '}']) {
        text.push_str(&rest[..at]);
        let shell = text.ends_with('$');
        rest = &rest[at..];
        if !shell && (rest.starts_with("{{") || rest.starts_with("}}")) {
            text.push_str(&rest[..1]);
            rest = &rest[2..];
            continue;
        }
        let inner = rest.strip_prefix('{').filter(|_| !shell).and_then(|inner| {
            let end = inner.find(['{', '}'])?;
            inner[end..].starts_with('}').then(|| &inner[..end])
        });
        match inner.map(|inner| (inner, piece(inner, space))) {
            Some((inner, Some(piece))) => {
                pieces.push(Piece::Text(std::mem::take(&mut text)));
                pieces.push(piece);
                rest = &rest[inner.len() + 2..];
            }
            Some((inner, None)) if is_word(inner) => return Err(unknown(inner, space)),
            _ => {
                text.push_str(&rest[..1]);
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

fn piece(inner: &str, space: &Space) -> Option<Piece> {
    match inner {
        "trial" => Some(Piece::Trial),
        "seed" => Some(Piece::Seed),
        name => {
            let is_known = space.parameters.iter().any(|parameter| parameter.name == name);
            is_known.then(|| Piece::Parameter(name.to_owned()))
        }
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

fn unknown(name: &str, space: &Space) -> Error {
    let names = space.parameters.iter().map(|parameter| parameter.name).chain(["trial", "seed"]);
    let names: Vec<&str> = names.collect();
    let near = nearest_name(name, names.iter().copied());
    let near = near.map(|near| format!("; did you mean `{{{near}}}`?")).unwrap_or_default();
    let known: Vec<String> = names.iter().map(|name| format!("{{{name}}}")).collect();
    wrong(
        format!("given with `{{{name}}}`"),
        format!(
            "the space has no such parameter, only {}{near} Write `{{{{` and `}}}}` for braces",
            known.join(", "),
        ),
    )
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=./:,@%^".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use eyas_search::{Domain, Parameter, Value};

    fn space(names: &[&'static str]) -> Space {
        let domain = Domain::Float { low: 0.0, high: 1.0, log: false };
        let parameter = |name: &&'static str| Parameter {
            name,
            domain,
            default: Value::Float(0.5),
            nested: false,
            when: None,
            help: "",
        };
        let parameters = names.iter().map(parameter).collect();
        Space { learner: "program", parameters, forbidden: Vec::new() }
    }

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| word.to_string()).collect()
    }

    #[test]
    fn placeholders_are_filled_and_all_else_is_left() {
        let space = space(&["lr", "weight-decay", "a b"]);
        let command = words(&[
            "sh",
            "-c",
            "f --lr={lr} ${lr} {a b} {{lr}} {weight-decay}",
            "{ print $1 }",
            "a{}b}{",
            "{trial}/{seed}",
            "{\"x\": {lr}}",
        ]);
        let template = Template::parse(&command, &space).unwrap();
        let config = space.default_config().with("lr", 1e-3);
        let given = Given { config: &config, trial: 7, seed: u64::MAX };
        assert_eq!(
            template.arguments(&given)[2..],
            [
                "f --lr=0.001 ${lr} 0.5 {lr} 0.5",
                "{ print $1 }",
                "a{}b}{",
                "7/2147483647",
                "{\"x\": 0.001}",
            ]
        );
        assert_eq!(template.unmentioned(&space), Vec::<&str>::new());
    }

    #[test]
    fn what_is_not_mentioned_comes_by_the_environment() {
        let space = space(&["lr", "weight-decay", "depth"]);
        let command = words(&["sh", "-c", "f {lr} $EYAS_WEIGHT_DECAY it's"]);
        let template = Template::parse(&command, &space).unwrap();
        assert_eq!(template.unmentioned(&space), ["depth"]);
        let config = space.default_config();
        let given = Given { config: &config, trial: 3, seed: 5 << 33 };
        assert_eq!(
            template.shell(&given),
            r"EYAS_DEPTH=0.5 EYAS_WEIGHT_DECAY=0.5 sh -c 'f 0.5 $EYAS_WEIGHT_DECAY it'\''s'"
        );
        let variables = environment(&given, "runs/a");
        for (name, value) in [
            ("LR", "0.5"),
            ("WEIGHT_DECAY", "0.5"),
            ("TRIAL", "3"),
            ("SEED", "5"),
            ("RUN", "runs/a"),
        ] {
            assert!(variables.contains(&(format!("EYAS_{name}"), value.into())), "{name}");
        }
    }

    #[test]
    fn mistakes_are_named_before_anything_runs() {
        let refusal = |command: &[&str], names: &[&'static str]| {
            Template::parse(&words(command), &space(names)).unwrap_err().to_string()
        };
        let unknown = refusal(&["f", "{lrr}"], &["lr", "depth"]);
        assert!(
            unknown.contains("`{lrr}`") && unknown.contains("did you mean `{lr}`?"),
            "{unknown}"
        );
        assert!(unknown.contains("{lr}, {depth}, {trial}, {seed}"), "{unknown}");
        assert!(refusal(&[], &["lr"]).contains("after `--`"));
        assert!(refusal(&["f"], &["a-b", "a_b"]).contains("EYAS_A_B is a-b already"));
        assert!(refusal(&["f"], &["seed"]).contains("EYAS_SEED is what every trial is told"));
    }
}
