"""The reward's trend and the loss's runaway."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.production import Production
from tests.real.scenario import NO_GO, WARNING, breach, go, no_data, scenario
from tests.real.states import APP_1, APP_2
from tests.samples import Values

HOUR = 3600.0


def reward(p: Production, values: Values, algorithm: str = "ppo", **labels: str) -> Production:
    """The reward, averaged over 100 episodes."""
    return p.with_series(
        "rl_reward_ma", {"algorithm": algorithm, "window": "100", **labels}, values
    )


def loss(p: Production, values: Values, algorithm: str = "ppo", **labels: str) -> Production:
    """The total loss."""
    total = {"algorithm": algorithm, "loss_type": "total_loss", **labels}
    return p.with_series("rl_loss", total, values)


def dust(age: float) -> float:
    """Flat, but for the last bit of a float."""
    return math.nextafter(12.45, 0) if age < HOUR else 12.45


def noise(age: float) -> float:
    """Up and down by the same, without a trend of its own."""
    return math.sin(age / 7) / 10


def since(born: float, value: float = 0.4523) -> Callable[[float], float | None]:
    """A value that is there since the age ``born``."""
    return lambda age: value if age <= born else None


def until(gone: float, value: float = 0.4523) -> Callable[[float], float | None]:
    """A value that was there until the age ``gone``."""
    return lambda age: value if age >= gone else None


def lately(value: float, before: float = 0.4523, age: float = 60.0) -> Callable[[float], float]:
    """One value before an age, another since then."""
    return lambda now: value if now < age else before


REWARD = [
    scenario(
        "the reward is flat",
        lambda p: reward(p, 12.45),
        rl_reward_trend=go("reward stable (now 12.45)"),
    ),
    scenario(
        "the reward is flat but for floating-point dust",
        lambda p: reward(p, dust),
        rl_reward_trend=go("reward stable (now 12.45)"),
    ),
    scenario(
        "the reward falls slowly",
        lambda p: reward(p, lambda age: 12.45 + 0.02 * age / HOUR),
        WARNING,
        rl_reward_trend=breach("reward falling by 0.02 per hour (now 12.45)", "algorithm=ppo"),
    ),
    scenario(
        "the reward rises, with noise",
        lambda p: reward(p, lambda age: 12.45 - 0.25 * age / HOUR + noise(age)),
        rl_reward_trend=go("reward rising by 0.2"),
    ),
    scenario(
        "the reward falls, with noise",
        lambda p: reward(p, lambda age: 12.45 + 0.25 * age / HOUR + noise(age)),
        WARNING,
        rl_reward_trend=breach("reward falling by 0.2"),
    ),
    scenario(
        "a negative reward rises",
        lambda p: reward(p, lambda age: -3 - age / HOUR),
        rl_reward_trend=go("reward rising by 1 per hour (now -3)"),
    ),
    scenario(
        "the reward was not measured for half an hour",
        lambda p: p.missing(lambda age: 1800 < age < 3600, "rl_reward_ma"),
    ),
    scenario(
        "the reward has only been measured for five minutes",
        lambda p: reward(p, since(300, 12.45)),
        WARNING,
        rl_reward_trend=no_data("6 points in 2h, at least 10 needed"),
    ),
    scenario(
        "the reward has been measured for just less than half of the window",
        lambda p: reward(p, since(3540, 12.45)),
        WARNING,
        rl_reward_trend=no_data("59m of 2h measured, at least 1h needed"),
    ),
    scenario(
        "the reward has been measured for half of the window",
        lambda p: reward(p, since(HOUR, 12.45)),
    ),
    scenario(
        "the worst of three algorithms is named",
        lambda p: reward(
            reward(p, lambda age: 9 + age / HOUR, "a2c"),
            lambda age: 9 + 2 * age / HOUR,
            "sac",
            instance=APP_1,
        ),
        WARNING,
        rl_reward_trend=breach("falling by 2 per hour", "algorithm=sac", "and 2 more of 5"),
    ),
    scenario(
        "an algorithm is new",
        lambda p: reward(p, since(900, 3.0), "sac", instance=APP_1),
        WARNING,
        rl_reward_trend=no_data("no data for 1 of 3 series", "algorithm=sac", "15m of 2h measured"),
    ),
    scenario(
        "an algorithm has stopped",
        lambda p: reward(p, until(600, 3.0), "sac", instance=APP_1),
        WARNING,
        rl_reward_trend=no_data("no data for 1 of 3 series", "algorithm=sac", "no value for"),
    ),
    scenario(
        "the reward is NaN",
        lambda p: reward(p, lately(math.nan, 12.45)),
        WARNING,
        rl_reward_trend=breach("reward is now NaN", "algorithm=ppo"),
    ),
    scenario(
        "the reward is infinite on one instance",
        lambda p: reward(p, lately(math.inf, 12.45), instance=APP_2),
        WARNING,
        rl_reward_trend=breach("reward is now infinity", "instance=app-2:8000", "the other passes"),
    ),
    scenario(
        "the reward was NaN an hour ago",
        lambda p: reward(p, lambda age: math.nan if 3000 < age < 3600 else 12.45),
    ),
    scenario(
        "the reward was last measured ten minutes ago",
        lambda p: p.missing(lambda age: age < 600, "rl_reward_ma"),
        WARNING,
        rl_reward_trend=no_data("no value for at least 5m"),
    ),
    scenario(
        "the reward was last measured four minutes ago",
        lambda p: p.missing(lambda age: age < 240, "rl_reward_ma"),
    ),
    scenario(
        "there is no reward of that window",
        lambda p: p.without("rl_reward_ma", window="100"),
        WARNING,
        rl_reward_trend=no_data("the query matches nothing"),
    ),
]

LOSS = [
    scenario(
        "the loss is exactly at the limit",
        lambda p: loss(p, 2.0),
        rl_loss_runaway=go("loss 2 (≤ 2)"),
    ),
    scenario(
        "the loss is just above the limit",
        lambda p: loss(p, 2.0001),
        NO_GO,
        rl_loss_runaway=breach("loss 2.0001, limit 2.0000", "algorithm=ppo"),
    ),
    scenario("the loss is just below the limit", lambda p: loss(p, 1.9999)),
    scenario(
        "the loss is more than three times its average, and below the limit",
        lambda p: loss(p, lately(1.9, age=600)),
        NO_GO,
        rl_loss_runaway=breach("loss 1.9, limit 1.", "(3 x its 2h average 0.5", "algorithm=ppo"),
    ),
    scenario(
        "the loss is just below three times its average",
        lambda p: loss(p, lately(1.37, before=0.45)),
    ),
    scenario(
        "the loss is just above three times its average",
        lambda p: loss(p, lately(1.38, before=0.45)),
        NO_GO,
        rl_loss_runaway=breach("loss 1.38, limit 1.373 (3 x its 2h average 0.4577)"),
    ),
    scenario(
        "the loss rises slowly",
        lambda p: loss(p, lambda age: 1.9 - age / HOUR / 2),
        rl_loss_runaway=go("loss 1.9 (≤ 2)"),
    ),
    scenario(
        "the loss rises slowly above the limit",
        lambda p: loss(p, lambda age: 2.1 - age / HOUR / 2),
        NO_GO,
        rl_loss_runaway=breach("loss 2.1, limit 2"),
    ),
    scenario(
        "the loss ran away an hour ago and is back",
        lambda p: loss(p, lambda age: 5 if 3600 < age < 4200 else 0.45),
    ),
    scenario(
        "the loss has a short history",
        lambda p: loss(p, since(1800)),
        WARNING,
        rl_loss_runaway=no_data("no baseline: 30m of 2h measured, at least 1h needed"),
    ),
    scenario(
        "the loss has a short history, and is above the limit",
        lambda p: loss(p, since(1800, 2.5)),
        NO_GO,
        rl_loss_runaway=breach("loss 2.5, limit 2"),
    ),
    scenario(
        "the loss is NaN",
        lambda p: loss(p, lately(math.nan)),
        NO_GO,
        rl_loss_runaway=breach("loss NaN, limit 2", "algorithm=ppo"),
    ),
    scenario(
        "the loss is infinite",
        lambda p: loss(p, lately(math.inf)),
        NO_GO,
        rl_loss_runaway=breach("loss infinity, limit 2"),
    ),
    scenario(
        "the loss is negative and infinite",
        lambda p: loss(p, lately(-math.inf)),
        NO_GO,
        rl_loss_runaway=breach("loss -infinity, limit 2"),
    ),
    scenario(
        "the loss of one of three algorithms is NaN",
        lambda p: loss(loss(p, 0.4, "sac"), lately(math.nan), "a2c", instance=APP_1),
        NO_GO,
        rl_loss_runaway=breach("loss NaN", "algorithm=a2c", "the other 4 pass"),
    ),
    scenario(
        "the losses of two algorithms run away, the worse is named",
        lambda p: loss(loss(p, 3, "sac", instance=APP_1), 4, "a2c", instance=APP_1),
        NO_GO,
        rl_loss_runaway=breach("loss 4", "algorithm=a2c", "and 1 more of 4"),
    ),
    scenario(
        "the loss was NaN and infinite an hour ago",
        lambda p: loss(
            p,
            lambda age: math.nan if 3300 < age < 3600 else math.inf if 3600 < age < 3900 else 0.45,
        ),
    ),
    scenario(
        "the loss is negative",
        lambda p: loss(p, lately(-0.4, before=-0.5)),
        rl_loss_runaway=go("loss -0.4 (≤ 1.498, 3 x its 2h average magnitude)"),
    ),
    scenario(
        "the loss goes up and down around zero",
        lambda p: loss(p, lambda age: 0.05 * math.cos(age / 37)),
    ),
    scenario(
        "the loss jumps from below zero",
        lambda p: loss(p, lately(1.9, before=-0.1)),
        NO_GO,
        rl_loss_runaway=breach("loss 1.9, limit 0.3446 (3 x its 2h average magnitude 0.1149)"),
    ),
    scenario(
        "the loss was last measured ten minutes ago",
        lambda p: p.missing(lambda age: age < 600, "rl_loss"),
        WARNING,
        rl_loss_runaway=no_data("no value for at least 5m"),
    ),
    scenario(
        "the loss was not measured for half an hour",
        lambda p: p.missing(lambda age: 1800 < age < 3600, "rl_loss"),
    ),
    scenario(
        "there is no total loss",
        lambda p: p.without("rl_loss", loss_type="total_loss"),
        WARNING,
        rl_loss_runaway=no_data("the query matches nothing"),
    ),
    scenario(
        "one of two instances stopped training ten minutes ago",
        lambda p: p.missing(lambda age: age < 600, algorithm="ppo", instance=APP_2),
    ),
]
