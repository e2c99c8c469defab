{
  'targets': [
    {
      'target_name': 'toakit',
      'sources': [
        'addon.cc',
        'memory.cc',
        'network_interface.cc',
        'packet_ring.cc',
        'packet_socket.cc',
        'pages.cc',
        'poll.cc',
        'process_file.cc',
        'raw_socket.cc',
        'socket_option.cc',
        'tcp_saved_syn.cc',
      ],
      'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': [
        'NAPI_VERSION=9',
        'NAPI_DISABLE_CPP_EXCEPTIONS',
        # Else a worker that is terminated while it loads the addon takes the process with it.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
        '_GNU_SOURCE',
      ],
      'cflags': ['-Wall', '-Wextra', '-Wno-unused-parameter', '-fvisibility=hidden'],
      # libstdc++ is not needed (memory.cc); no symbol is looked up late, so that what is missing shows when loading.
      'ldflags': ['-Wl,--as-needed', '-Wl,-s', '-Wl,-z,now', '-Wl,-Bsymbolic-functions'],
    },
  ],
}
