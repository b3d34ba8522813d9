//! Minimises a function of few bounded variables by damped Newton steps.

/// The largest number of variables.
pub(crate) const VARIABLES: usize = super::jet::DIM + 1;

pub(crate) type Vector = [f64; VARIABLES];
pub(crate) type Matrix = [Vector; VARIABLES];

/// A function value with gradient and Hessian.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    pub(crate) value: f64,
    pub(crate) gradient: Vector,
    pub(crate) hessian: Matrix,
    /// The best κ.
    pub(crate) scale: f64,
}

/// A minimum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minimum {
    pub(crate) at: Vector,
    pub(crate) point: Point,
    pub(crate) converged: bool,
    pub(crate) evaluations: u32,
}

/// The largest change of a variable in one step.
const MAX_STEP: f64 = 2.0;

/// Minimises `f` over the variables `free`, within `bounds`, from `start` on.
///
/// The damping μ of (H + μ I) d = −g is the smallest of a geometric sequence that makes the matrix positive
/// definite and the step a descent. Converged: a further step changes the value by less than `tolerance` times its
/// size plus 1.
pub(crate) fn minimise(
    f: impl Fn(&Vector) -> Point,
    free: &[usize],
    bounds: &[[f64; 2]; VARIABLES],
    start: Vector,
    tolerance: f64,
) -> Minimum {
    const ITERATIONS: u32 = 60;
    let clip = |i: usize, x: f64| x.clamp(bounds[i][0], bounds[i][1]);
    let mut at = start;
    free.iter().for_each(|&i| at[i] = clip(i, at[i]));
    let mut here = f(&at);
    let (mut evaluations, mut converged, mut damping) = (1, false, 0.0_f64);
    while evaluations < ITERATIONS {
        // Variables at a bound whose gradient points outwards stay there.
        let held = |&&i: &&usize| {
            (at[i] <= bounds[i][0] && here.gradient[i] > 0.0)
                || (at[i] >= bounds[i][1] && here.gradient[i] < 0.0)
        };
        let moving: Vec<usize> = free.iter().filter(|i| !held(i)).copied().collect();
        if moving.is_empty() {
            converged = true;
            break;
        }
        let step = step(&here, &moving, &mut damping);
        let gain: f64 = moving.iter().map(|&i| here.gradient[i] * step[i]).sum();
        if gain.abs() <= tolerance * (1.0 + here.value.abs()) && damping == 0.0 {
            converged = true;
            break;
        }
        let longest = moving.iter().map(|&i| step[i].abs()).fold(0.0, f64::max);
        let shorter = (MAX_STEP / longest).min(1.0);
        let mut next = at;
        for &i in &moving {
            next[i] = clip(i, at[i] + shorter * step[i]);
        }
        let there = f(&next);
        evaluations += 1;
        if there.value.is_finite() && there.value <= here.value {
            (at, here) = (next, there);
            let small = damping < 1e-4 * largest(&here.hessian, &moving);
            damping = if small { 0.0 } else { damping / 10.0 };
        } else if gain.abs() <= 1e-11 * (1.0 + here.value.abs()) {
            // The value cannot be resolved further.
            converged = true;
            break;
        } else {
            damping =
                if damping == 0.0 { 0.01 * largest(&here.hessian, &moving) } else { damping * 8.0 };
        }
    }
    Minimum { at, point: here, converged, evaluations }
}

fn largest(hessian: &Matrix, moving: &[usize]) -> f64 {
    moving.iter().map(|&i| hessian[i][i].abs()).fold(1e-8, f64::max)
}

/// The step; raises the damping until the matrix is positive definite.
fn step(here: &Point, moving: &[usize], damping: &mut f64) -> Vector {
    loop {
        let mut matrix = here.hessian;
        moving.iter().for_each(|&i| matrix[i][i] += *damping);
        if let Some(inverse) = inverse(&matrix, moving) {
            let mut step = [0.0; VARIABLES];
            for &i in moving {
                step[i] = -moving.iter().map(|&j| inverse[i][j] * here.gradient[j]).sum::<f64>();
            }
            return step;
        }
        let large = largest(&here.hessian, moving);
        *damping = if *damping == 0.0 { 1e-3 * large } else { *damping * 8.0 };
        if damping.is_nan() || *damping > 1e12 * (1.0 + large) {
            return [0.0; VARIABLES];
        }
    }
}

/// The inverse of a positive definite matrix over some variables; `None` if it is not positive definite.
pub(crate) fn inverse(matrix: &Matrix, over: &[usize]) -> Option<Matrix> {
    // Cholesky: matrix = L Lᵀ.
    let n = over.len();
    let mut l = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            let rest = matrix[over[i]][over[j]] - dot;
            if i > j {
                l[i][j] = rest / l[j][j];
            } else if rest > 1e-13 * matrix[over[i]][over[i]].abs() && rest.is_finite() {
                l[i][i] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut inverse = [[0.0; VARIABLES]; VARIABLES];
    for column in 0..n {
        let mut x = vec![0.0; n];
        for i in 0..n {
            let unit = f64::from(u8::from(i == column));
            let dot: f64 = (0..i).map(|k| l[i][k] * x[k]).sum();
            x[i] = (unit - dot) / l[i][i];
        }
        for i in (0..n).rev() {
            let dot: f64 = (i + 1..n).map(|k| l[k][i] * x[k]).sum();
            x[i] = (x[i] - dot) / l[i][i];
        }
        for i in 0..n {
            inverse[over[i]][over[column]] = x[i];
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's function.
    fn rosenbrock(at: &Vector) -> Point {
        let (x, y) = (at[0], at[1]);
        let mut point = Point {
            value: (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2),
            gradient: [0.0; VARIABLES],
            hessian: [[0.0; VARIABLES]; VARIABLES],
            scale: 1.0,
        };
        point.gradient[0] = -2.0 * (1.0 - x) - 400.0 * x * (y - x * x);
        point.gradient[1] = 200.0 * (y - x * x);
        point.hessian[0][0] = 2.0 - 400.0 * (y - 3.0 * x * x);
        point.hessian[0][1] = -400.0 * x;
        point.hessian[1][0] = -400.0 * x;
        point.hessian[1][1] = 200.0;
        point
    }

    #[test]
    fn the_minimum_of_rosenbrocks_function_is_found_inside_and_at_a_bound() {
        let mut bounds = [[-5.0, 5.0]; VARIABLES];
        let mut start = [0.0; VARIABLES];
        (start[0], start[1]) = (-1.2, 1.0);
        let found = minimise(rosenbrock, &[0, 1], &bounds, start, 1e-14);
        assert!(found.converged, "{found:?}");
        assert!((found.at[0] - 1.0).abs() < 1e-6 && (found.at[1] - 1.0).abs() < 1e-6);
        bounds[0][1] = 0.5;
        let found = minimise(rosenbrock, &[0, 1], &bounds, start, 1e-14);
        assert!(found.converged && found.at[0] == 0.5 && (found.at[1] - 0.25).abs() < 1e-6);
    }
}
