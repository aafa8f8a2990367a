# bench/peers.sh makes llama.cpp's project() include this file. GCC removes the stores to AMX's tile
# configuration as dead code, because it does not know that _tile_loadconfig() reads them. The first product
# then raises SIGILL (seen with GCC 12).
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  cmake_language(DEFER CALL set_source_files_properties
    ${CMAKE_CURRENT_SOURCE_DIR}/ggml/src/ggml-cpu/amx/mmq.cpp TARGET_DIRECTORY ggml-cpu
    PROPERTIES COMPILE_OPTIONS "-fno-tree-dse;-fno-dse")
endif()
