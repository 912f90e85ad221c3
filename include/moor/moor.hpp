// All of moor. Each subject also has a header of its own.
#pragma once

#include <moor/channel.hpp>
#include <moor/condition_variable.hpp>
#include <moor/debug.hpp>
#include <moor/endpoint.hpp>
#include <moor/error.hpp>
#include <moor/forensics.hpp>
#include <moor/mutex.hpp>
#include <moor/once.hpp>
#include <moor/overlapped.hpp>
#include <moor/preempt.hpp>
#include <moor/runtime.hpp>
#include <moor/select.hpp>
#include <moor/semaphore.hpp>
#include <moor/sendable_file.hpp>
#include <moor/shared_mutex.hpp>
#include <moor/spawn.hpp>
#include <moor/stack.hpp>
#include <moor/task_group.hpp>
#include <moor/tcp.hpp>
#include <moor/this_coroutine.hpp>
#include <moor/udp.hpp>
#include <moor/version.hpp>
#include <moor/wait_group.hpp>
#include <moor/wait_limit.hpp>
