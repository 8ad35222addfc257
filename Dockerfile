# The image of collector pods: the agent, and the tools with which a node's rules are read.
FROM debian:bookworm-slim AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends binutils python3 python3-pip
COPY pyproject.toml README.md LICENSE /src/
COPY docs/suspicions.md /src/docs/suspicions.md
COPY kubectl_skoop /src/kubectl_skoop
# Only what the agent needs, and what `snapshot` asks the API server with in a pod: the Kubernetes client and colours are
# for the user's machine; of zstandard one of its two back ends.
RUN pip install --no-cache-dir --no-deps --target=/opt/kubectl-skoop /src \
      annotated-doc 'h2>=4.1' hpack hyperframe 'msgpack>=1.1,<2' 'pyroute2>=0.9.4' shellingham \
      'typer>=0.28,<0.29' 'urllib3>=2' 'websocket-client>=1.8' 'zstandard>=0.23' \
 && rm -f /opt/kubectl-skoop/zstandard/_cffi.*.so \
 && find /opt/kubectl-skoop -name '*.so' -exec strip --strip-unneeded {} + \
 && python3 -m compileall -q /opt/kubectl-skoop

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ipset iptables nftables python3 \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /usr/share/doc /usr/share/man
COPY --from=build /opt/kubectl-skoop /opt/kubectl-skoop
ENV PATH=/opt/kubectl-skoop/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ENV PYTHONPATH=/opt/kubectl-skoop
# Nothing is written at run time: the root file system may be read-only.
ENTRYPOINT ["kubectl-skoop"]
