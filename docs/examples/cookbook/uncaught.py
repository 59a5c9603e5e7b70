import asyncio
import sys
import threading

from mplog import logger

logger.remove()
logger.add("app.log", format="{level} {message}")


def of_the_program(type_, value, trace):
    if issubclass(type_, KeyboardInterrupt):
        sys.__excepthook__(type_, value, trace)
    else:
        logger.opt(exception=(type_, value, trace)).critical("the program ends by an error")


def of_a_thread(args):
    error = args.exc_type, args.exc_value, args.exc_traceback
    logger.opt(exception=error).error("the thread {} has died", args.thread.name)


def of_a_loop(loop, context):
    logger.opt(exception=context.get("exception")).error(context["message"])


sys.excepthook = of_the_program
threading.excepthook = of_a_thread


async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(of_a_loop)
    loop.call_soon(int, "seven")
    await asyncio.sleep(0)


thread = threading.Thread(target=int, args=("six",), name="counter")
thread.start()
thread.join()
asyncio.run(main())
int("eight")
