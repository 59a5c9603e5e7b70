import subprocess
import sys
import threading

from mplog import logger

logger.remove()
logger.add("app.log", format="{level} {extra[program]} {message}")


def run(name, command):
    """Run *command*; each line that it prints is a record."""
    log = logger.bind(program=name)

    def pass_on(stream, level):
        for line in stream:
            log.log(level, line.rstrip("\n"))

    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, errors="replace")
    with process:
        errors = threading.Thread(target=pass_on, args=(process.stderr, "WARNING"))
        errors.start()
        pass_on(process.stdout, "INFO")
        errors.join()
    level = "INFO" if process.returncode == 0 else "ERROR"
    log.log(level, "ended with status {}", process.returncode)


counts = "import sys; print('one {1}'); print('two'); sys.exit('no more')"
run("counter", [sys.executable, "-c", counts])
