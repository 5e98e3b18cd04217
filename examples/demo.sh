#!/usr/bin/env bash
# From videos to a condensed set to a measured accuracy, on generated videos; a few minutes on 2 cores.
# Writes to runs/demo (or to $1); running it again replaces what is there.
set -euo pipefail

out=${1:-runs/demo}
rm -rf "$out"

run() {
    printf '\n$ %s\n' "$*"
    "$@"
}

# 5 classes of moving shapes, as real mp4 files: each has its kind of motion, and tends to a light of its own
run vidcondense toy "$out/videos" --mode scenes --train-per-class 40 --test-per-class 60 --num-frames 8 --size 48

clips=(--num-frames 8 --stride 1 --size 48 --cache-dir "$out/cache")

# one synthetic video per class, by PRISM; as a control, one real clip per class
run vidcondense condense "$out/videos" --out "$out/prism" "${clips[@]}" \
    --method prism --iterations 60 --lr 10
run vidcondense condense "$out/videos" --out "$out/random" "${clips[@]}" --method random

run vidcondense inspect "$out/prism" --pictures "$out/pictures"

# networks trained on either, and on all real clips, with few steps; tested on the test videos
run vidcondense evaluate "$out/prism" "$out/random" --data "$out/videos" --cache-dir "$out/cache" \
    --repeats 2 --steps 200 --full-data --full-data-steps 100 --out "$out/results"

# all of it on one page, with the videos playing
run vidcondense report "$out/prism" "$out/random" --results "$out/results" --data "$out/videos" \
    --cache-dir "$out/cache" --out "$out/report.html"

printf '\nPictures: %s\nResults:  %s\nReport:   %s\n' "$out/pictures" "$out/results" "$out/report.html"
