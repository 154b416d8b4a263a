"""What `--help` shows of each command beside its arguments: lines that can be copied."""

NEWSPAPER = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
EXAMPLES = {
    "serve": """\
  trm serve                                      every model of the store, one worker a core
  trm serve --port 9000 --models '["sudoku"]'
  TRM_WORKERS=2 trm serve --redis-url redis://localhost
""",
    "worker": """\
  TRM_JOBS_REDIS_URL=redis://localhost trm worker --port 9001
""",
    "jobs": """\
  trm jobs submit puzzles.jsonl --wait           the same file again finds the same job
  trm jobs submit puzzles.jsonl --set attempts=4 --set on_error=continue
  trm jobs status JOB --wait
  trm jobs results JOB --output results.jsonl    the same command fetches what is missing
  trm jobs --server http://puzzles:8000 cancel JOB
""",
    "keys": """\
  trm keys new alice                             a key for the client, and its entry for TRM_API_KEYS
  trm keys new bob --limits 10/50:4              10 puzzles a second, 50 at once, 4 open jobs
""",
    "solve": f"""\
  trm solve {NEWSPAPER}
  trm solve --file puzzles.txt                   one Sudoku a line, or grids and mazes apart by empty lines
  trm solve --file maze.txt --watch
  trm solve --puzzle-id b1948b0a '[[6,7,7,6],[6,7,6,7],[7,7,7,6],[7,6,7,6]]'
  trm solve --server http://localhost:8000 --format json < puzzles.txt

exit status: 0 all are solved; 1 one is not; 2 the command or a puzzle is wrong; 3 nobody is there to solve it
""",
    "doctor": """\
  trm doctor                                     what trm serve would use here, and why
  TRM_REDIS_URL=redis://localhost trm doctor --workers 4

exit status: 0 trm serve would start; 1 it would not
""",
    "train": """\
  trm train runs/mine --recipe sudoku-6x6        puzzles are generated; the same command resumes
  trm train runs/mine --data puzzles.csv.gz --init sudoku --set lr=5e-4
  trm train runs/mine --recipe maze
  trm train runs/mine --recipe arc --data tasks/
""",
    "evaluate": """\
  trm evaluate mine --data puzzles.csv.gz --clues 30,25,20
  trm evaluate mine --hard 10                    generated puzzles that no training saw
  trm evaluate maze --sizes 10,20,30 --rooms
""",
    "export": """\
  trm export runs/mine --name mine
  trm export runs/maze --name mine --size 30
""",
    "import": """\
  trm import downloads/sudoku --name reference
  trm import step_7 --config all_config.yaml --dataset dataset.json --name reference
""",
}
