! Jacobi's iteration for the Laplace equation in a unit cube that is cold at its
! walls: heat3d CELLS ITERATIONS.
!
! It starts from sin(pi x) sin(pi y) sin(pi z), the slowest mode, of which every
! iteration leaves exactly the part cos(pi/CELLS): so the answer is known, and a
! wrong one ends with code 1.
program heat3d
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  real(real64), parameter :: pi = 3.14159265358979323846_real64
  real(real64), allocatable :: old(:, :, :), new(:, :, :), wave(:)
  real(real64) :: left, known
  integer :: n, steps, i, k, step

  n = argument(1)
  steps = argument(2)
  allocate (old(0:n, 0:n, 0:n), new(0:n, 0:n, 0:n), wave(0:n))
  wave = [(sin(pi*i/n), i=0, n)]
  wave(n) = 0
  do k = 0, n
    do i = 0, n
      old(:, i, k) = wave*wave(i)*wave(k)
    end do
  end do
  new = 0
  do step = 1, steps
    call sweep(n, old, new)
    call sweep(n, new, old)
  end do
  left = old(n/2, n/2, n/2)/(wave(n/2)**3)
  known = cos(pi/n)**(2*steps)
  print '(a,f18.15,a,es9.2)', 'left of the mode ', left, ', off by ', abs(left/known - 1)
  if (.not. abs(left/known - 1) < 1e-10_real64) stop 1

contains

  subroutine sweep(n, from, to)
    integer, intent(in) :: n
    real(real64), intent(in) :: from(0:n, 0:n, 0:n)
    real(real64), intent(inout) :: to(0:n, 0:n, 0:n)
    integer :: i, j, k
    do k = 1, n - 1
      do j = 1, n - 1
        do i = 1, n - 1
          to(i, j, k) = (from(i - 1, j, k) + from(i + 1, j, k) + from(i, j - 1, k) &
                         + from(i, j + 1, k) + from(i, j, k - 1) + from(i, j, k + 1))/6
        end do
      end do
    end do
  end subroutine sweep

  integer function argument(at)
    integer, intent(in) :: at
    character(len=16) :: text
    integer :: failed
    call get_command_argument(at, text)
    read (text, *, iostat=failed) argument
    if (failed /= 0 .or. argument < 2 .or. argument > 100000) error stop 'usage: heat3d CELLS ITERATIONS'
  end function argument

end program heat3d
