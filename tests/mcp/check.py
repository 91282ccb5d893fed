"""Asks a Faden as an assistant would, by the official client: without a handshake, and with one."""

import asyncio
import sys

from mcp.client.client import Client

TOOLS = {"search", "query", "trace_summary", "span", "compare", "dependencies", "services", "errors", "explain", "why_missing"}


async def tell(client, tool, **arguments):
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, (tool, answer.content)
    assert answer.content[0].type == "text", tool
    return answer.structured_content


async def check(url, mode, version):
    async with Client(url, mode=mode) as client:
        assert client.protocol_version == version, client.protocol_version
        assert client.server_info.name == "faden", client.server_info
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS, tools

        found = await tell(client, "search", order="longest", limit=5)
        traces = found["traces"]
        assert len(traces) == 5 and found.get("next"), found
        first, second = traces[0]["trace_id"], traces[1]["trace_id"]
        more = await tell(client, "search", order="longest", limit=5, cursor=found["next"])
        assert first not in {trace["trace_id"] for trace in more["traces"]}

        summary = await tell(client, "trace_summary", trace=first)
        assert summary["summary"]["trace_id"] == first and summary["critical_path"], summary
        span = summary["critical_path"][0]["span"]
        assert (await tell(client, "span", trace=first, span=span))["spans"][0]["attributes"]
        assert (await tell(client, "compare", a={"trace": first}, b={"trace": second}))["nodes"]
        services = (await tell(client, "services", last="24h"))["services"]
        assert sum(service["spans"] for service in services) >= 3000, services
        assert (await tell(client, "services", service=services[0]["service"], last="24h"))["operations"]
        assert (await tell(client, "dependencies", last="24h"))["edges"]
        assert (await tell(client, "errors", last="24h", limit=3))["groups"]
        assert (await tell(client, "explain", last="24h", select={"q": "{ status = error }"}))
        rows = (await tell(client, "query", q="SELECT service.name, count(*) FROM spans GROUP BY service.name", last="24h"))
        assert rows["rows"], rows
        assert (await tell(client, "why_missing", trace=first))["why"]["stored_spans"] > 0

        wrong = await client.call_tool("query", {"q": "{ status = "})
        assert wrong.is_error and "q:" in wrong.content[0].text, wrong
        try:
            await client.call_tool("nothing", {})
        except Exception as error:
            assert "no tool" in str(error), error
        else:
            raise AssertionError("an unknown tool was called")
        print(f"ok: {version}, {mode}")


async def main():
    await check(sys.argv[1], "auto", "2026-07-28")
    await check(sys.argv[1], "legacy", "2025-11-25")


asyncio.run(main())
