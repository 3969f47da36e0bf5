//! Functions on the unit cube, the same as in `bench/compare/search_peers.py`.

use eyas_search::{Config, Domain, Parameter, Space, Value};

use crate::Problem;
use crate::formulas::{ackley, branin, hartmann6, levy, rastrigin, rosenbrock, sphere, styblinski};

/// A function of some numbers.
pub struct Function {
    space: Space,
    of: fn(&[f64]) -> f64,
}

const NAMES: [&str; 6] = ["x0", "x1", "x2", "x3", "x4", "x5"];

impl Function {
    /// The function of a name.
    pub fn named(name: &str) -> Result<Function, String> {
        let (of, d): (fn(&[f64]) -> f64, usize) = match name {
            "branin" => (branin, 2),
            "hartmann6" => (hartmann6, 6),
            "sphere" => (sphere, 5),
            "rosenbrock" => (rosenbrock, 4),
            "ackley" => (ackley, 5),
            "rastrigin" => (rastrigin, 3),
            "styblinski" => (styblinski, 4),
            "levy" => (levy, 6),
            _ => return Err(format!("there is no function `{name}`")),
        };
        let domain = Domain::Float { low: 0.0, high: 1.0, log: false };
        let parameter = |name: &'static str| {
            let default = Value::Float(0.5);
            Parameter { name, domain, default, nested: false, when: None, help: "" }
        };
        let parameters = NAMES[..d].iter().map(|name| parameter(name)).collect();
        Ok(Function { space: Space { learner: "function", parameters, forbidden: Vec::new() }, of })
    }
}

impl Problem for Function {
    fn space(&self) -> &Space {
        &self.space
    }

    fn evaluate(&self, config: &Config) -> (f64, f64) {
        let value = |p: &Parameter| config.float(p.name).expect("configurations are complete");
        let x: Vec<f64> = self.space.parameters.iter().map(value).collect();
        ((self.of)(&x), 1.0)
    }
}
