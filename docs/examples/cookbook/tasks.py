import asyncio

from mplog import logger

logger.remove()
logger.add("app.log", format="{extra[request]} {message}")


async def read():
    await asyncio.sleep(0)
    logger.info("reading")


async def handle(number):
    with logger.contextualize(request=f"r-{number}"):
        logger.info("begun")
        await asyncio.gather(read(), read())
        logger.info("done")


async def main():
    await asyncio.gather(handle(1), handle(2))


asyncio.run(main())
